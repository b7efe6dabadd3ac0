//! What answers behind the API's address: a router as a rule, or a server of a service's own.

use std::{future::Future, io, net::SocketAddr};

use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::middleware;

const BACKLOG: u32 = 1024;

/// Answers requests until it is told to close.
pub trait Server: Send + 'static {
    /// Ends when the door is closed and what was in flight then is answered. Dropped, it cuts off what is left.
    fn serve(self, door: Door) -> impl Future<Output = io::Result<()>> + Send;
}

impl Server for Router {
    async fn serve(self, door: Door) -> io::Result<()> {
        let router = middleware::around(self).into_make_service_with_connect_info::<SocketAddr>();
        let listener = door.listeners.into_iter().next().ok_or(io::ErrorKind::NotConnected)?;
        axum::serve(listener, router).with_graceful_shutdown(door.closing.cancelled_owned()).await
    }
}

/// Where connections come in.
pub struct Door {
    /// All on one address; at least one.
    pub listeners: Vec<TcpListener>,
    /// Cancelled when no more connections are to be accepted.
    pub closing: CancellationToken,
}

/// Listens at `address`, with up to `count` listeners that share it (`SO_REUSEPORT`) where the system can.
pub async fn listen(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    if count < 2 || !cfg!(all(unix, not(any(target_os = "solaris", target_os = "illumos")))) {
        return Ok(vec![TcpListener::bind(address).await?]);
    }
    if address.port() != 0 {
        // Whoever shares the port might as well be another process: nobody may be there yet.
        drop(TcpListener::bind(address).await?);
    }
    let first = sharing(address)?;
    let address = first.local_addr()?;
    let others = (1..count).map(|_| sharing(address));
    std::iter::once(Ok(first)).chain(others).collect()
}

fn sharing(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    #[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos"))))]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn several_listeners_share_a_port_that_nobody_else_has() {
        let shared = listen(([127, 0, 0, 1], 0).into(), 3).await.unwrap();
        let address = shared[0].local_addr().unwrap();
        assert!(shared.len() == 3 && shared.iter().all(|it| it.local_addr().unwrap() == address));
        assert_eq!(listen(address, 3).await.unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(shared);
        assert_eq!(listen(address, 3).await.unwrap().len(), 3);
    }
}
