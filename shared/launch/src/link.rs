//! A way between two processes that can be broken: a TCP proxy on loopback that passes bytes on, slowly, not at all, or
//! refuses.

use std::{io, net::SocketAddr, sync::OnceLock, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    runtime::{Builder, Runtime},
    sync::watch,
    task::JoinSet,
    time::sleep,
};

use crate::port::free_port;

/// How large a piece a slow way takes at a time.
const PIECE: usize = 4 * 1024;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// It is passed on.
    #[default]
    Open,
    /// Each piece of up to 4 KiB is passed on after this time.
    Slow(Duration),
    /// It waits until the way is another, as packets do that are sent again and again. Nobody is told.
    Stalled,
    /// It is swallowed, and so is all that comes later over the same connection, even when the way is open again: the
    /// other end is gone and nobody was told. New connections are accepted and swallowed too.
    HalfOpen,
    /// Connections are reset, new ones refused.
    Cut,
}

/// One way. Dropped, it is cut.
#[derive(Debug)]
pub struct Link {
    port: u16,
    way: watch::Sender<Way>,
}

impl Link {
    /// An open way from a free port on loopback to `target` on loopback.
    pub fn to(target: u16) -> io::Result<Self> {
        let port = free_port()?;
        let runtime = runtime()?;
        let _here = runtime.enter();
        let listener = listen(port)?;
        let (sender, way) = watch::channel(Way::Open);
        runtime.spawn(attend(port, target, listener, way));
        Ok(Self { port, way: sender })
    }

    /// Where the way begins.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What becomes from now on of what is sent.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// As it was set last.
    pub fn way(&self) -> Way {
        *self.way.borrow()
    }
}

/// A thread of its own for all links: they outlive the runtime of the test that made them, and are not slowed down by
/// what else that does.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if RUNTIME.get().is_none() {
        let made = Builder::new_multi_thread().worker_threads(1).thread_name("links").enable_all().build()?;
        if let Err(spare) = RUNTIME.set(made) {
            // Another thread was faster.
            spare.shutdown_background();
        }
    }
    Ok(RUNTIME.get().expect("it was set"))
}

fn listen(port: u16) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Accepts for as long as the [`Link`] lives. While the way is cut nobody listens, so that the system refuses.
async fn attend(port: u16, target: u16, listener: TcpListener, mut way: watch::Receiver<Way>) {
    let mut listener = Some(listener);
    let mut connections = JoinSet::new();
    loop {
        let now = *way.borrow_and_update();
        if now == Way::Cut {
            listener = None;
        } else if listener.is_none() {
            // The port is ours until this process ends: nobody else binds it meanwhile.
            listener = listen(port).ok();
        }
        tokio::select! {
            changed = way.changed() => if changed.is_err() { return },
            accepted = accept(listener.as_ref()) => if let Ok((near, _)) = accepted {
                connections.spawn(carry(near, target, way.clone()));
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// One connection, until an end closes it or the way is cut.
async fn carry(mut near: TcpStream, target: u16, mut way: watch::Receiver<Way>) {
    let reset = near.set_zero_linger();
    if let (Ok(()), Ok(Way::HalfOpen)) = (reset, settled(&mut way).await) {
        return swallow(near, way).await;
    }
    let Ok(mut far) = TcpStream::connect(("127.0.0.1", target)).await else { return };
    let quick = near.set_nodelay(true).and(far.set_nodelay(true)).and(far.set_zero_linger());
    if quick.is_err() {
        return;
    }
    let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
    let there = pass(near_in, far_out, way.clone());
    let back = pass(far_in, near_out, way.clone());
    tokio::select! {
        // One end may still speak when the other has said all; one that was reset takes the other with it.
        _ = async { tokio::try_join!(there, back) } => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

/// Keeps the connection open and reads what comes, until the way is cut.
async fn swallow(mut near: TcpStream, mut way: watch::Receiver<Way>) {
    let (mut near_in, _near_out) = near.split();
    tokio::select! {
        _ = sink(&mut near_in) => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn sink(from: &mut ReadHalf<'_>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    while from.read(&mut piece).await? > 0 {}
    // Half open: the other end is not told that this one has gone, so nothing is closed in return either.
    std::future::pending().await
}

/// The way as soon as it says what becomes of what is sent.
async fn settled(way: &mut watch::Receiver<Way>) -> Result<Way, watch::error::RecvError> {
    way.wait_for(|way| *way != Way::Stalled).await.map(|way| *way)
}

async fn half_open(way: &mut watch::Receiver<Way>) {
    if way.wait_for(|way| *way == Way::HalfOpen).await.is_err() {
        // The link is gone, and with it soon this connection.
        std::future::pending::<()>().await;
    }
}

async fn pass(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut way: watch::Receiver<Way>) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let length = tokio::select! {
            length = from.read(&mut piece) => length?,
            () = half_open(&mut way) => return sink(&mut from).await,
        };
        match settled(&mut way).await {
            Ok(Way::HalfOpen) => return sink(&mut from).await,
            Ok(Way::Slow(pause)) => sleep(pause).await,
            Ok(_) => {}
            Err(_) => return Ok(()),
        }
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..length]).await?;
    }
}
