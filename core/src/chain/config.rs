use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One node of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// How logs and metrics call it.
    pub name: String,
    /// CometBFT RPC: `http://host:26657` or `https://…`; slashes at the end do not matter.
    pub rpc: String,
    /// gRPC: `host:9090`, `http://host:9090` or `https://host:443`. Without a scheme TLS is used on port 443 only.
    pub grpc: String,
}

/// How to reach the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainConfig {
    /// The nodes, the preferred one first.
    pub nodes: Vec<NodeConfig>,
    /// The chain id that every node must report. `None` takes what the first node says.
    pub chain_id: Option<String>,
    /// How long one question to one node may take.
    pub query_timeout: Duration,
    /// How long live entities (applications, suppliers, current parameters) are served without asking again.
    pub live_ttl: Duration,
    /// How long beyond that they are still served when no node answers.
    pub stale_limit: Duration,
}

impl ChainConfig {
    /// The defaults: 5 s a query, live entities for 30 s, stale ones for 15 minutes.
    #[must_use]
    pub fn new(nodes: Vec<NodeConfig>) -> Self {
        Self {
            nodes,
            chain_id: None,
            query_timeout: Duration::from_secs(5),
            live_ttl: Duration::from_secs(30),
            stale_limit: Duration::from_mins(15),
        }
    }
}
