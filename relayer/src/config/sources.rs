use std::path::PathBuf;

use relay_core::chain::NodeConfig;
use relay_core::config::Period;
use serde::{Deserialize, Serialize};

/// The chain and the nodes that know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChainConfig {
    /// The chain id, as `pocket`. Nodes of another chain are not listened to. Without it the first node decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The nodes, the preferred one first.
    pub nodes: Vec<NodeConfig>,
    /// How long one question to one node may take.
    #[serde(default = "query_timeout")]
    pub query_timeout: Period,
}

/// Where relays are recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RedisConfig {
    /// `redis://[user:password@]host:port/database`
    pub url: String,
    /// What all keys begin with. The miners of the pool must have the same.
    pub prefix: String,
}

/// Where the suppliers' private keys are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeysConfig {
    /// A file with a list of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A directory with one file a key, as a mounted Secret has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
}

fn query_timeout() -> Period {
    Period::from_secs(5)
}
