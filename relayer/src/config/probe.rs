use std::collections::BTreeMap;
use std::fmt;

use relay_core::config::Period;
use relay_core::relay::RpcType;
use serde::{Deserialize, Serialize};

/// How a pool's nodes are asked whether they work, beside the relays that they answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ProbeConfig {
    /// How. Without it: what fits the pool's kind of request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<ProbeKind>,
    /// The path, under the base path, of `http` and `websocket`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// From one probe to the next; a tenth more or less, so that not all fall together.
    pub interval: Period,
    /// How long one may take.
    pub timeout: Period,
    /// The method of `http`.
    pub method: String,
    /// What `http` sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Its content type. Without it: JSON if it begins like that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The statuses that are good. Without any: 200 to 299.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expected_status: Vec<u16>,
    /// What the answer must contain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_body: Option<String>,
    /// Headers of probes only, in place of the pool's of that name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The service that `grpcHealth` asks for; empty means the server as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// So many failures in a row take a node out.
    pub unhealthy_threshold: u32,
    /// So many successes in a row bring it back.
    pub healthy_threshold: u32,
}

/// How a node is probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeKind {
    /// A request and its answer. Redirects are not followed.
    Http,
    /// A connection, no more.
    Tcp,
    /// A handshake, a ping and its pong.
    Websocket,
    /// `grpc.health.v1.Health/Check`.
    GrpcHealth,
}

impl Default for ProbeConfig {
    fn default() -> Self {
        Self {
            kind: None,
            path: None,
            interval: Period::from_secs(10),
            timeout: Period::from_secs(5),
            method: "GET".to_owned(),
            body: None,
            content_type: None,
            expected_status: Vec::new(),
            expected_body: None,
            headers: BTreeMap::new(),
            service: String::new(),
            unhealthy_threshold: 3,
            healthy_threshold: 2,
        }
    }
}

impl ProbeConfig {
    /// How nodes of a pool are probed.
    #[must_use]
    pub fn kind(&self, of_pool: RpcType) -> ProbeKind {
        self.kind.unwrap_or(match of_pool {
            RpcType::WebSocket => ProbeKind::Websocket,
            RpcType::Grpc => ProbeKind::GrpcHealth,
            RpcType::JsonRpc | RpcType::Rest | RpcType::CometBft => ProbeKind::Http,
        })
    }
}

// Path, body and headers may hold credentials.
impl fmt::Debug for ProbeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeConfig")
            .field("kind", &self.kind)
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Whether a pool's nodes are asked how far they are, and on which chain: EVM nodes under `jsonrpc`, CometBFT nodes under
/// `cometbft`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct SyncConfig {
    /// Blocks that a node may be behind the best of its pool. Without it: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_lag: Option<u64>,
    /// The chain that nodes must be of. Without it: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain_id: Option<ChainId>,
    /// From one look to the next, a tenth more or less.
    pub interval: Period,
    /// How long one may take.
    pub timeout: Period,
}

impl Default for SyncConfig {
    fn default() -> Self {
        Self { max_lag: None, chain_id: None, interval: Period::from_secs(10), timeout: Period::from_secs(5) }
    }
}

/// A chain's id: a number, also written as `0x…`, or a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ChainId {
    /// Of an EVM chain.
    Number(u64),
    /// Of any other.
    Name(String),
}

impl ChainId {
    /// Whether a node that says so is of this chain.
    #[must_use]
    pub fn is(&self, said: &str) -> bool {
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        };
        match self {
            Self::Number(own) => number(said) == Some(*own),
            Self::Name(own) => own == said || number(own).is_some_and(|own| number(said) == Some(own)),
        }
    }
}
