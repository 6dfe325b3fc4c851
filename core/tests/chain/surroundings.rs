use std::time::Duration;

use relay_core::address::{Address, SecretKey};
use relay_core::chain::{Chain, ChainConfig, NodeConfig};
use testbed::Genesis;

/// A chain that makes blocks only when it is told to.
pub(crate) fn still() -> Genesis {
    Genesis::new().block_time(Duration::from_hours(1))
}

pub(crate) fn node(name: &str, rpc: &str, grpc: &str) -> NodeConfig {
    NodeConfig { name: name.to_owned(), rpc: rpc.to_owned(), grpc: grpc.to_owned() }
}

/// A client whose only node is the chain's own.
pub(crate) fn client(chain: &testbed::Chain) -> Chain {
    Chain::new(&ChainConfig::new(vec![node("own", chain.rpc(), &chain.grpc())])).unwrap()
}

/// A client of several nodes that gives up quickly and caches nothing live.
pub(crate) fn client_of(nodes: Vec<NodeConfig>) -> Chain {
    let mut config = ChainConfig::new(nodes);
    config.query_timeout = Duration::from_millis(500);
    config.live_ttl = Duration::ZERO;
    Chain::new(&config).unwrap()
}

pub(crate) fn address(chain: &testbed::Chain, name: &str) -> Address {
    chain.account(name).unwrap().address.parse().unwrap()
}

pub(crate) fn key(chain: &testbed::Chain, name: &str) -> SecretKey {
    SecretKey::from_hex(&chain.account(name).unwrap().private_key).unwrap()
}
