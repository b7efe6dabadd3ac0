//! Ports for servers that must come back on the same one.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    ops::Range,
    sync::{Mutex, PoisonError},
};

use nix::unistd::getuid;

/// What this process has been given, each held by a lock on a file until the process is gone.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A free port on loopback that stays this process' own until it ends: no other caller of this function, in this
/// process or in another of the same user, is given it meanwhile, be its server up or down. It is from below the range
/// that the system hands out by itself, so that nobody who binds port 0 takes it either.
pub fn free_port() -> io::Result<u16> {
    let mut last = None;
    for _ in 0..200 {
        match try_port(rand::random_range(quiet_range())) {
            Ok(port) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AddrInUse.into()))
}

fn try_port(port: u16) -> io::Result<u16> {
    let directory = std::env::temp_dir().join(format!("retail-suite-ports-{}", getuid()));
    fs::create_dir_all(&directory)?;
    let file = File::create(directory.join(port.to_string()))?;
    file.try_lock()?;
    TcpListener::bind(("127.0.0.1", port))?;
    HELD.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    Ok(port)
}

/// Below the ports that the system gives to connections and to whoever binds port 0; Linux says which these are.
fn quiet_range() -> Range<u16> {
    let said = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let first = said.and_then(|said| said.split_whitespace().next()?.parse().ok());
    below(first.unwrap_or(32_768))
}

fn below(first: u16) -> Range<u16> {
    match first {
        // Hardly anything is left below: any port is as good as another.
        ..12_000 => 10_000..u16::MAX,
        _ => 10_000..first,
    }
}

/// Whether `port` can be bound on loopback now.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_port_is_given_once_although_nobody_listens_on_it() {
        let ports: Vec<_> = (0..600).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), ports.len());
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_given() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(try_port(taken.local_addr().unwrap().port()).is_err());
    }

    #[test]
    fn ports_that_the_system_hands_out_are_left_to_it() {
        assert_eq!(below(32_768), 10_000..32_768);
        assert_eq!(below(16_000), 10_000..16_000);
        assert_eq!(below(1_024), 10_000..u16::MAX);
    }
}
