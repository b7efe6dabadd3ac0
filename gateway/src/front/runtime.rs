//! One core's share: a thread that accepts, answers and forwards by itself.

use std::{io, net, sync::Arc, thread, time::Duration};

use futures::FutureExt;
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::oneshot,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Front, connection};
use crate::pool;

const REFUSED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
// Out of file handles: others may become free.
const AGAIN: Duration = Duration::from_millis(50);

/// Where one accepts.
pub struct Listeners {
    pub plain: net::TcpListener,
    pub tls: Option<(net::TcpListener, TlsAcceptor)>,
}

/// Starts one. It ends when the door is closed and its last request is answered, or at once when it is cut off.
pub fn start(
    number: usize,
    listeners: Listeners,
    front: &Arc<Front>,
    closing: &CancellationToken,
    cut: &CancellationToken,
) -> io::Result<oneshot::Receiver<io::Result<()>>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (say, ended) = oneshot::channel();
    let (front, closing, cut) = (Arc::clone(front), closing.clone(), cut.clone());
    thread::Builder::new().name(format!("runtime-{number}")).spawn(move || {
        let outcome = runtime.block_on(async {
            tokio::select! {
                outcome = serve(listeners, front, closing) => outcome,
                () = cut.cancelled() => Ok(()),
            }
        });
        runtime.shutdown_background();
        // Nobody listens after a cut.
        let _ = say.send(outcome);
    })?;
    Ok(ended)
}

async fn serve(listeners: Listeners, front: Arc<Front>, closing: CancellationToken) -> io::Result<()> {
    let connections = TaskTracker::new();
    let sweep = tokio::spawn(pool::sweep());
    let plain = accept(listeners.plain, None, &front, &closing, &connections);
    match listeners.tls {
        None => plain.await?,
        Some((listener, tls)) => {
            let tls = accept(listener, Some(tls), &front, &closing, &connections);
            tokio::try_join!(plain, tls).map(drop)?;
        }
    }
    connections.close();
    connections.wait().await;
    sweep.abort();
    Ok(())
}

async fn accept(
    listener: net::TcpListener,
    tls: Option<TlsAcceptor>,
    front: &Arc<Front>,
    closing: &CancellationToken,
    connections: &TaskTracker,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => admit(stream, tls.clone(), front, closing, connections),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections");
                sleep(AGAIN).await;
            }
        }
    }
    // Who was let in by the system already would find the connection reset.
    while let Some(Ok((stream, _))) = listener.accept().now_or_never() {
        admit(stream, tls.clone(), front, closing, connections);
    }
    Ok(())
}

fn admit(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    front: &Arc<Front>,
    closing: &CancellationToken,
    connections: &TaskTracker,
) {
    let Ok(peer) = stream.peer_addr() else { return };
    let limits = front.app.policies.load().connections.clone();
    let Some(held) = front.bounds.admit(peer.ip(), &limits) else {
        metrics::counter!("gateway_connections_refused_total").increment(1);
        if tls.is_none() {
            // If there is no room for so little, the caller sees the end all the same.
            let _ = stream.try_write(REFUSED);
        }
        return;
    };
    let (front, closing) = (Arc::clone(front), closing.clone());
    connections.spawn(async move {
        let open = metrics::gauge!("gateway_connections");
        open.increment(1);
        connection::serve(stream, tls, peer, front, &limits, closing).await;
        open.decrement(1);
        drop(held);
    });
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as E;
    matches!(error.kind(), E::ConnectionAborted | E::ConnectionReset | E::ConnectionRefused)
}
