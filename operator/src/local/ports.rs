use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

/// Addresses for relayers: counted up from `base`, or free ones if its port is 0.
pub(super) fn relay_addresses(base: SocketAddr, count: usize) -> io::Result<Vec<SocketAddr>> {
    if base.port() == 0 {
        return free(base.ip(), count);
    }
    let ports = (0..count).map(|index| {
        let port = u16::try_from(index).ok().and_then(|index| base.port().checked_add(index));
        port.map(|port| SocketAddr::new(base.ip(), port)).ok_or_else(|| io::Error::other("no ports left above it"))
    });
    ports.collect()
}

/// Free addresses for administration, of this machine only.
pub(super) fn admin_addresses(count: usize) -> io::Result<Vec<SocketAddr>> {
    free(Ipv4Addr::LOCALHOST.into(), count)
}

/// All are held until the last is found, so that none is given twice.
fn free(host: IpAddr, count: usize) -> io::Result<Vec<SocketAddr>> {
    let held: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind((host, 0))).collect::<io::Result<_>>()?;
    held.iter().map(TcpListener::local_addr).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_count_up_from_the_base() {
        let addresses = relay_addresses("127.0.0.1:8080".parse().unwrap(), 3).unwrap();
        assert_eq!(addresses.iter().map(SocketAddr::port).collect::<Vec<_>>(), [8080, 8081, 8082]);
        assert!(relay_addresses("127.0.0.1:65535".parse().unwrap(), 2).is_err());
    }

    #[test]
    fn free_ports_differ() {
        let addresses = relay_addresses("127.0.0.1:0".parse().unwrap(), 20).unwrap();
        let distinct: std::collections::BTreeSet<_> = addresses.iter().collect();
        assert_eq!(distinct.len(), 20);
    }
}
