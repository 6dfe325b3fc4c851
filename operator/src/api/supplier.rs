use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{Condition, LocalReference, SecretKeyReference};

/// One supplier of the network, served and mined for by a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "relay.pocket.network",
    version = "v1alpha1",
    kind = "Supplier",
    plural = "suppliers",
    shortname = "sup",
    category = "pocket",
    namespaced,
    status = "SupplierStatus",
    derive = "PartialEq",
    doc = "One supplier of the network, served and mined for by a pool.",
    selectable = ".spec.operatorAddress",
    selectable = ".spec.minerPoolRef.name",
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Stake", type_ = "string", json_path = ".status.stake"),
    printcolumn(name = "Balance", type_ = "string", json_path = ".status.balance"),
    printcolumn(name = "Services", type_ = "string", json_path = ".status.services"),
    printcolumn(name = "Miner", type_ = "string", json_path = ".status.assignment.miner"),
    printcolumn(name = "Last-Claim", type_ = "integer", json_path = ".status.lastClaim.height"),
    printcolumn(name = "Earned", type_ = "string", json_path = ".status.earned"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Operator", type_ = "string", json_path = ".spec.operatorAddress", priority = 1),
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.minerPoolRef.name", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SupplierSpec {
    /// The operator address of the supplier on chain, bech32.
    #[schemars(length(min = 43, max = 90), regex(pattern = r"^pokt1[02-9ac-hj-np-z]+$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("another address is another supplier: make a new object"))]
    pub operator_address: String,
    /// The miner pool that earns for this supplier.
    #[x_kube(validation = Rule::new("self == oldSelf").message("move a supplier by draining it, deleting this object and making a new one"))]
    pub miner_pool_ref: LocalReference,
    /// The Secret with the operator's private key: 64 hex digits, optionally after `0x`. It must carry the label
    /// `relay.pocket.network/supplier-key: "true"`.
    pub key_secret_ref: SecretKeyReference,
    /// What the supplier should be staked for. Compared with the chain and reported; absent: not compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".to_owned()]))]
    pub services: Vec<SupplierService>,
}

/// A service that the supplier should be staked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SupplierService {
    /// The id of the service on chain.
    #[schemars(length(min = 1, max = 42), regex(pattern = r"^[-_a-zA-Z0-9]+$"))]
    pub id: String,
    /// The endpoints that should be on chain. Absent: any will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub endpoints: Vec<SupplierEndpoint>,
}

/// Where gateways send relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SupplierEndpoint {
    /// The public URL.
    #[schemars(length(min = 1, max = 512))]
    pub url: String,
    /// The kind of request it takes.
    pub rpc_type: RpcType,
}

/// The kinds of request, by the names of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[schemars(inline)]
pub enum RpcType {
    /// gRPC.
    Grpc,
    /// WebSocket.
    Websocket,
    /// JSON-RPC over HTTP.
    JsonRpc,
    /// REST over HTTP.
    Rest,
    /// The RPC of a CometBFT node.
    CometBft,
}

/// What was seen of a supplier.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SupplierStatus {
    /// The stake on chain, with its denomination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub stake: Option<String>,
    /// What the operator account holds, to pay for claims and proofs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub balance: Option<String>,
    /// Ids of the services on chain, separated by commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub services: Option<String>,
    /// The session end at which the supplier leaves, while it is unstaking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unstaking_at: Option<i64>,
    /// The miner that owns the supplier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
    /// The newest claim on chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_claim: Option<LastClaim>,
    /// Claims that settled since the pool began to count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_claims: Option<i64>,
    /// Relays of those claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_relays: Option<i64>,
    /// What those claims paid out in all, before the shares of others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub earned: Option<String>,
    /// Relays that were served and will not be paid, for any reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_relays: Option<i64>,
    /// The block that the facts from the chain belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_height: Option<i64>,
    /// One entry per aspect.
    #[serde(default)]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".to_owned()]))]
    pub conditions: Vec<Condition>,
}

/// Who owns a supplier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The miner.
    #[schemars(length(max = 128))]
    pub miner: String,
    /// Counts the owners: every new one has a higher epoch.
    pub epoch: i64,
}

/// A claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastClaim {
    /// The block it was included in.
    pub height: i64,
    /// Its session.
    #[schemars(length(max = 128))]
    pub session_id: String,
}
