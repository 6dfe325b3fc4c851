use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{Condition, LocalReference};

/// Relayers that serve the suppliers of a miner pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "relay.pocket.network",
    version = "v1alpha1",
    kind = "RelayerPool",
    plural = "relayerpools",
    shortname = "rp",
    category = "pocket",
    namespaced,
    status = "RelayerPoolStatus",
    derive = "PartialEq",
    doc = "Relayers that serve the suppliers of a miner pool.",
    validation = Rule::new("size(self.metadata.name) <= 40").message("the name of a pool has at most 40 characters"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Relayers", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Miners", type_ = "string", json_path = ".spec.minerPoolRef.name"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct RelayerPoolSpec {
    /// The miner pool whose network, Redis and suppliers these relayers use.
    #[x_kube(validation = Rule::new("self == oldSelf").message("a relayer pool cannot move to another miner pool: make a new one"))]
    pub miner_pool_ref: LocalReference,
    /// How many relayers run.
    #[serde(default = "two")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: u32,
    /// The services that are served, and what answers them.
    #[schemars(length(min = 1, max = 256))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub services: Vec<Service>,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Service {
    /// The id of the service on chain.
    #[schemars(length(min = 1, max = 42), regex(pattern = r"^[-_a-zA-Z0-9]+$"))]
    pub id: String,
    /// What answers its relays, one list for each kind of request.
    pub backends: Backends,
    /// The longest a relay of this service may take, answer included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^[0-9]+(ms|s|m|h)$"))]
    pub timeout: Option<String>,
}

/// The backends of a service, by kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backends {
    /// For JSON-RPC over HTTP.
    pub json_rpc: TransportBackends,
}

/// The backends for one kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransportBackends {
    /// The servers. One for now.
    #[schemars(length(min = 1, max = 1))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["url".to_owned()]))]
    pub endpoints: Vec<Backend>,
}

/// One server that answers relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its URL, as in `http://node:8545`.
    #[schemars(length(min = 8, max = 512), regex(pattern = r"^https?://[^\s#@]+$"))]
    pub url: String,
}

/// What was seen of a relayer pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RelayerPoolStatus {
    /// Relayers that were started.
    #[serde(default)]
    pub replicas: u32,
    /// Relayers that are ready to serve.
    #[serde(default)]
    pub ready_replicas: u32,
    /// One entry per aspect.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

fn two() -> u32 {
    2
}
