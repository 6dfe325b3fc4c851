//! Addresses for servers that must be told where to listen.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::Error;

/// Below the range from which systems take ports for outgoing connections: one that is free now stays free of those.
const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

/// An address of 127.0.0.1 that nobody listens on and that this process has not given out before.
///
/// A server that can say where it listens should bind port 0 instead. Test processes start at different places of the
/// range, so that two of them hardly ever want the same port between our looking and a server's binding.
pub fn free_address() -> Result<SocketAddr, Error> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let place = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap_or_default();
    for _ in 0..COUNT {
        // A step that shares no divisor with the range visits all of it, and neighbours far apart.
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed)) * 7;
        let offset = (u32::from(place) * 613 + step) % u32::from(COUNT);
        let port = FIRST + u16::try_from(offset).unwrap_or_default();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    Err(Error::NoPort)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_or_taken_from_a_server() {
        let held: Vec<_> = (0..50).map(|_| TcpListener::bind(free_address().unwrap()).unwrap()).collect();
        let more: Vec<_> = (0..50).map(|_| free_address().unwrap()).collect();
        let all: BTreeSet<_> = held.iter().map(|server| server.local_addr().unwrap()).chain(more).collect();
        assert_eq!(all.len(), 100);
    }
}
