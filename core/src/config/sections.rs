use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Period;
use crate::chain::{ChainConfig, NodeConfig};

/// The chain and the nodes that know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChainSection {
    /// The chain id, as `pocket`. Nodes of another chain are not listened to. Without it the first node decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The nodes, the preferred one first.
    pub nodes: Vec<NodeConfig>,
    /// How long one question to one node may take.
    #[serde(default = "query_timeout")]
    pub query_timeout: Period,
}

/// The Redis that relayers and miners of a pool share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RedisSection {
    /// `redis://[user:password@]host:port/database`
    pub url: String,
    /// What all keys begin with. All relayers and miners of one pool share it, two pools never.
    pub prefix: String,
}

/// Where the suppliers' private keys are. At least one must be given; of both, all keys count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeysSection {
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

/// What the section leaves out has the client's defaults.
impl From<&ChainSection> for ChainConfig {
    fn from(section: &ChainSection) -> Self {
        Self {
            chain_id: section.id.clone(),
            query_timeout: section.query_timeout.0,
            ..Self::new(section.nodes.clone())
        }
    }
}
