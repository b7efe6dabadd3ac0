//! Connections to instances. Each runtime has its own, so that no request waits for another core.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::{Body, Bytes};
use foldhash::HashMap;
use http::{Request, Response, StatusCode, uri::Authority};
use hyper::{
    body::{Body as HttpBody, Frame, Incoming, SizeHint},
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use crate::balance::Instance;

const CONNECT: Duration = Duration::from_secs(1);
// Shorter than any server here keeps an idle connection, so that none is closed just as it is used.
const IDLE: Duration = Duration::from_secs(15);
const IDLE_PER_INSTANCE: usize = 256;
const SWEEP: Duration = Duration::from_secs(5);

thread_local! {
    // By the instance's number. The one used last is at the end, and is used next.
    static POOL: RefCell<HashMap<u64, Vec<Resting>>> = RefCell::default();
}

struct Resting {
    connection: SendRequest<Body>,
    since: Instant,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No byte of the request was sent.
    #[error("cannot connect")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It may have been sent, in part or as a whole.
    #[error("broke off")]
    Exchange(#[source] hyper::Error),
}

impl Fault {
    /// Whether it is certain that no byte of the request was sent.
    pub fn is_connect(&self) -> bool {
        matches!(self, Self::Connect(_))
    }
}

/// One request to one instance, on a connection that rests or a new one. Its target is a path, and it names its host. A
/// resting connection that turns out to be closed before a byte was sent is replaced; apart from that nothing is sent
/// twice.
pub async fn send(instance: &Instance, mut request: Request<Body>, now: Instant) -> Result<Response<Leased>, Fault> {
    while let Some(mut connection) = take(instance.number, now) {
        match connection.try_send_request(request).await {
            Ok(response) => return Ok(response.map(|body| Leased::new(body, connection, instance.number))),
            Err(mut error) => match error.take_message() {
                Some(unsent) => request = unsent,
                None => return Err(Fault::Exchange(error.into_error())),
            },
        }
    }
    // Seldom, and then a little more does not matter.
    Box::pin(send_anew(instance, request)).await
}

async fn send_anew(instance: &Instance, request: Request<Body>) -> Result<Response<Leased>, Fault> {
    let mut connection = connect(&instance.authority).await?;
    match connection.try_send_request(request).await {
        Ok(response) => Ok(response.map(|body| Leased::new(body, connection, instance.number))),
        Err(mut error) => Err(match error.take_message() {
            Some(_) => Fault::Connect(error.into_error().into()),
            None => Fault::Exchange(error.into_error()),
        }),
    }
}

/// The same on a connection of its own, which is closed then: how it is answered.
pub async fn ask_apart(instance: &Instance, request: Request<Body>) -> Result<StatusCode, Fault> {
    let mut connection = connect(&instance.authority).await?;
    Ok(connection.send_request(request).await.map_err(Fault::Exchange)?.status())
}

async fn connect(authority: &Authority) -> Result<SendRequest<Body>, Fault> {
    let address = (authority.host().trim_matches(['[', ']']), authority.port_u16().unwrap_or(80));
    let stream = timeout(CONNECT, TcpStream::connect(address)).await;
    let stream = stream.map_err(|late| Fault::Connect(late.into()))?.map_err(|error| Fault::Connect(error.into()))?;
    // It fails for connections that are gone.
    let _ = stream.set_nodelay(true);
    let shaken = handshake(TokioIo::new(stream)).await;
    let (connection, driver) = shaken.map_err(|error| Fault::Connect(error.into()))?;
    // Whoever waits for an answer is told of its faults.
    tokio::spawn(async move { driver.await.unwrap_or_default() });
    Ok(connection)
}

// One that is neither ready nor closed has just given its answer's last bytes and will be ready in a moment.
fn take(instance: u64, now: Instant) -> Option<SendRequest<Body>> {
    POOL.with_borrow_mut(|pool| {
        let resting = pool.get_mut(&instance)?;
        let last = resting.iter().rposition(|it| it.connection.is_ready())?;
        let taken = resting.remove(last);
        (now < taken.since + IDLE).then_some(taken.connection)
    })
}

fn rest(instance: u64, connection: SendRequest<Body>) {
    POOL.with_borrow_mut(|pool| {
        let resting = pool.entry(instance).or_default();
        if resting.len() < IDLE_PER_INSTANCE && !connection.is_closed() {
            resting.push(Resting { connection, since: Instant::now() });
        }
    });
}

/// Closes this runtime's connections that rested too long. Never ends.
pub async fn sweep() {
    loop {
        sleep(SWEEP).await;
        POOL.with_borrow_mut(|pool| {
            pool.retain(|_, resting| {
                resting.retain(|it| it.since.elapsed() < IDLE && !it.connection.is_closed());
                !resting.is_empty()
            });
        });
    }
}

/// An answer's body. Its connection rests when it has come to its end, and is closed if it has not.
pub struct Leased {
    body: Incoming,
    lease: Option<(u64, SendRequest<Body>)>,
}

impl Leased {
    fn new(body: Incoming, connection: SendRequest<Body>, instance: u64) -> Self {
        let mut leased = Self { body, lease: Some((instance, connection)) };
        leased.end(false);
        leased
    }

    fn end(&mut self, over: bool) {
        if (over || self.body.is_end_stream())
            && let Some((instance, connection)) = self.lease.take()
        {
            rest(instance, connection);
        }
    }
}

impl HttpBody for Leased {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Ready(Some(Err(_))) => self.lease = None,
            Poll::Ready(frame) => self.end(frame.is_none()),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
