use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
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
    /// Which kind is meant when a caller does not say. Without it: `jsonRpc`, or the only one there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_backend: Option<BackendKind>,
    /// When its relays are verified. Without it: `Eager`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<Validation>,
    /// The longest a relay of this service may take, answer included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 16), regex(pattern = r"^[0-9]+(ms|s|m|h)$"))]
    pub timeout: Option<String>,
}

/// When relays of a service are verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Validation {
    /// Before the backend is asked.
    Eager,
    /// Beside the backend; the answer leaves when both are done.
    Optimistic,
}

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BackendKind {
    /// JSON-RPC over HTTP.
    JsonRpc,
    /// Anything else over HTTP.
    Rest,
    /// The RPC of a CometBFT node.
    CometBft,
    /// WebSocket.
    WebSocket,
    /// gRPC.
    Grpc,
}

/// The backends of a service, by kind of request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "has(self.jsonRpc) || has(self.rest) || has(self.cometBft) || has(self.webSocket) || has(self.grpc)"
).message("name at least one backend"))]
pub struct Backends {
    /// For JSON-RPC over HTTP: `http://` or `https://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json_rpc: Option<TransportBackends>,
    /// For anything else over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<TransportBackends>,
    /// For the RPC of a CometBFT node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comet_bft: Option<TransportBackends>,
    /// For WebSocket: `ws://` or `wss://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_socket: Option<TransportBackends>,
    /// For gRPC: `grpc://` or `grpcs://`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<TransportBackends>,
}

impl Backends {
    /// Those that are there.
    pub fn all(&self) -> impl Iterator<Item = (BackendKind, &TransportBackends)> {
        let all = [
            (BackendKind::JsonRpc, &self.json_rpc),
            (BackendKind::Rest, &self.rest),
            (BackendKind::CometBft, &self.comet_bft),
            (BackendKind::WebSocket, &self.web_socket),
            (BackendKind::Grpc, &self.grpc),
        ];
        all.into_iter().filter_map(|(kind, backends)| Some((kind, backends.as_ref()?)))
    }
}

/// The backends for one kind of request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TransportBackends {
    /// The servers.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["url".to_owned()]))]
    pub endpoints: Vec<Backend>,
    /// Which of them is asked. Without it: all in turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balancing: Option<Balancing>,
}

/// Which server is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Balancing {
    /// The first healthy one.
    FirstHealthy,
    /// All healthy ones in turn.
    RoundRobin,
    /// The one with the fewest requests in progress for its weight.
    LeastLoaded,
    /// Each as often as its weight says.
    Weighted,
}

/// One server that answers relays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backend {
    /// Its URL, as in `http://node:8545`. A path goes in front of the relay's own.
    #[schemars(length(min = 6, max = 512), regex(pattern = r"^(https?|wss?|grpcs?)://[^\s#@]+$"))]
    pub url: String,
    /// How metrics and logs call it. Without it: its host and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub name: Option<String>,
    /// How much of the load it takes, beside the others; 1 if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: Option<u16>,
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
