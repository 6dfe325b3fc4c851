use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// The chain a pool works on, and the nodes it is reached through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Network {
    /// The chain id, as in `pocket`. A node that reports another one is not used.
    #[schemars(length(min = 1, max = 50), regex(pattern = r"^[-._a-zA-Z0-9]+$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("a pool cannot move to another chain: make a new one"))]
    pub chain_id: String,
    /// Nodes in order of preference: the first that works is used.
    #[schemars(length(min = 1, max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".to_owned()]))]
    pub nodes: Vec<Node>,
}

/// A full node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// A name for logs and metrics.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The CometBFT RPC, as in `http://node:26657`.
    #[schemars(length(min = 8, max = 512), regex(pattern = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"))]
    pub rpc: String,
    /// The gRPC endpoint, as in `node:9090` or `https://node:443`.
    #[schemars(length(min = 3, max = 512), regex(pattern = r"^(https?://)?[^\s/?#@]+$"))]
    pub grpc: String,
}
