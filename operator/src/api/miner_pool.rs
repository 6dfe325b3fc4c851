use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{Condition, Network, Redis};

/// Miners that share suppliers, a network and a Redis.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "relay.pocket.network",
    version = "v1alpha1",
    kind = "MinerPool",
    plural = "minerpools",
    shortname = "mp",
    category = "pocket",
    namespaced,
    status = "MinerPoolStatus",
    derive = "PartialEq",
    doc = "Miners that share suppliers, a network and a Redis.",
    validation = Rule::new("size(self.metadata.name) <= 40").message("the name of a pool has at most 40 characters"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Miners", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Suppliers", type_ = "integer", json_path = ".status.suppliersAssigned"),
    printcolumn(name = "Height", type_ = "integer", json_path = ".status.observedHeight"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct MinerPoolSpec {
    /// The chain and its nodes.
    pub network: Network,
    /// Where relays are recorded.
    pub redis: Redis,
    /// How many miners run. Two, so that one can take over from the other.
    #[serde(default = "two")]
    #[schemars(range(min = 1, max = 64))]
    pub replicas: u32,
    /// How ownership of suppliers moves between miners.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leases: Option<Leases>,
    /// How claims and proofs are paid for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<Transactions>,
}

/// How ownership of suppliers moves between miners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.ttl) || !has(self.renew) || duration(self.renew) + duration(self.renew) + duration(self.renew) <= duration(self.ttl)").message("renew is at most a third of ttl, so that a lease survives two missed renewals"))]
pub struct Leases {
    /// A miner that does not renew for this long has lost its suppliers; also how long a take-over waits after a crash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^[0-9]+(ms|s|m|h)$"))]
    pub ttl: Option<String>,
    /// Time between two renewals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^[0-9]+(ms|s|m|h)$"))]
    pub renew: Option<String>,
}

/// How claims and proofs are paid for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transactions {
    /// Price of one unit of gas, as in `0.001upokt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 6, max = 32), regex(pattern = r"^[0-9]+(\.[0-9]{1,18})?upokt$"))]
    pub gas_price: Option<String>,
}

/// What was seen of a miner pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MinerPoolStatus {
    /// Miners that were started.
    #[serde(default)]
    pub replicas: u32,
    /// Miners that answer and are ready.
    #[serde(default)]
    pub ready_replicas: u32,
    /// Suppliers that a ready miner owns.
    #[serde(default)]
    pub suppliers_assigned: u32,
    /// Suppliers of the pool that no miner owns.
    #[serde(default)]
    pub suppliers_orphaned: u32,
    /// The highest block a miner has seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_height: Option<i64>,
    /// One entry per aspect.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

fn two() -> u32 {
    2
}
