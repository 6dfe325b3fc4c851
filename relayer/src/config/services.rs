use std::collections::BTreeMap;

use relay_core::config::Period;
use relay_core::relay::RpcType;
use relay_core::units::ServiceId;
use serde::{Deserialize, Serialize};

use super::PoolConfig;

/// Service id → how it is served.
pub type Services = BTreeMap<ServiceId, ServiceConfig>;

/// How one service is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceConfig {
    /// What answers its relays, by kind of request: `jsonrpc`, `rest`, `cometbft`, `websocket`, `grpc`.
    pub backends: BTreeMap<RpcType, PoolConfig>,
    /// Which of them is meant when a caller does not say. Without it: `jsonrpc`, or the only one there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_backend: Option<RpcType>,
    /// When its relays are verified, if not as the relayer's `validation` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationMode>,
    /// How long the whole answer, headers and body, may take.
    #[serde(default = "timeout")]
    pub timeout: Period,
    /// Bytes of a relay request, if not `limits.requestBytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_bytes: Option<usize>,
    /// Bytes of an answer, if not `limits.responseBytes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response_bytes: Option<usize>,
}

impl ServiceConfig {
    /// A service with one node for JSON-RPC.
    #[must_use]
    pub fn json_rpc(url: impl Into<String>, timeout: Period) -> Self {
        Self { backends: BTreeMap::from([(RpcType::JsonRpc, PoolConfig::of(url))]), ..Self::new(timeout) }
    }

    /// A service without a backend yet.
    #[must_use]
    pub fn new(timeout: Period) -> Self {
        Self {
            backends: BTreeMap::new(),
            default_backend: None,
            validation: None,
            timeout,
            request_bytes: None,
            response_bytes: None,
        }
    }

    /// What a caller means that does not say.
    #[must_use]
    pub fn default_type(&self) -> Option<RpcType> {
        let only = self.backends.keys().copied().next().filter(|_| self.backends.len() == 1);
        let json = self.backends.contains_key(&RpcType::JsonRpc).then_some(RpcType::JsonRpc);
        self.default_backend.or(json).or(only)
    }
}

/// When session membership and ring signature of a relay are verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValidationMode {
    /// Before the backend is asked.
    #[default]
    Eager,
    /// Beside the backend: the answer leaves when both are done.
    Optimistic,
}

impl ValidationMode {
    /// Its name in configuration and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::Optimistic => "optimistic",
        }
    }
}

fn timeout() -> Period {
    Period::from_secs(30)
}
