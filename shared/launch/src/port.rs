//! Ports for servers that must come back on the same one.

use std::net::TcpListener;

/// A free port on loopback, from below the range that systems hand out by themselves: nobody who binds port 0 takes it
/// while its server is down for a restart.
pub fn free_port() -> std::io::Result<u16> {
    let mut last = None;
    for _ in 0..200 {
        let port = rand::random_range(15_000..32_000);
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}

/// Whether `port` can be bound on loopback now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}
