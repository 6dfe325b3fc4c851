use std::collections::BTreeMap;
use std::fmt;

use relay_core::config::Period;
use serde::{Deserialize, Serialize};

use super::authentication::AuthenticationConfig;
use super::node_tls::NodeTlsConfig;
use super::probe::{ProbeConfig, SyncConfig};

/// The nodes that answer one kind of request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct PoolConfig {
    /// The only node. Give this or `endpoints`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Several nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointConfig>,
    /// What goes in front of every path, in place of the path of the node's own URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_path: Option<String>,
    /// Headers set on every request to them, in place of the relay's own of that name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How the relayer proves to them who it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<AuthenticationConfig>,
    /// What TLS to them needs. Without it: the certificates of this system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<NodeTlsConfig>,
    /// Which node is asked. Without it: `roundRobin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balancing: Option<Balancing>,
    /// When a node that fails is left alone.
    pub breaker: BreakerConfig,
    /// How often another node is asked when one fails, 0 to 3, all within the service's `timeout`.
    pub max_retries: u8,
    /// What may be asked again.
    pub retry: RetryPolicy,
    /// When a second node is asked beside a slow one, for what may be asked again. Without it: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hedge_after: Option<Period>,
    /// Bounds on what its nodes are given at a time.
    pub connections: ConnectionsConfig,
    /// Bounds on parts of an answer.
    pub timeouts: TimeoutsConfig,
    /// How its nodes are probed. Without it: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeConfig>,
    /// How its nodes are compared with their chain. Without it: not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncConfig>,
}

/// One node.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct EndpointConfig {
    /// How metrics and logs call it. Without it: its host and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `http://host:port/base/path`, `https://…`, `ws://…`, `wss://…`, `grpc://…`, `grpcs://…`; for gRPC also `host:port`. The
    /// path goes in front of the relay's own.
    pub url: String,
    /// How much of the load it takes, beside the others.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u16,
}

/// Which node of a pool is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Balancing {
    /// The first that is healthy, in the order of the file.
    FirstHealthy,
    /// All healthy ones in turn.
    RoundRobin,
    /// The one with the fewest requests in progress for its weight.
    LeastLoaded,
    /// All healthy ones, each as often as its weight says.
    Weighted,
}

/// When a node that fails is left alone, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct BreakerConfig {
    /// So many failures in a row take it out.
    pub failures: u32,
    /// How long until one request is tried on it again. Doubles each time the trial fails, up to 16 times this.
    pub recovery: Period,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, recovery: Period::from_secs(30) }
    }
}

/// What may be asked again of another node when one fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RetryPolicy {
    /// What was not sent; and after a broken exchange or a server error what changes nothing when asked twice: `GET`, `HEAD`,
    /// `OPTIONS`, and JSON-RPC calls whose methods do not sound like writing.
    #[default]
    Safe,
    /// Everything, as if no call ever changed anything.
    Always,
    /// Nothing.
    Never,
}

/// What the nodes of a pool are given at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ConnectionsConfig {
    /// Requests in progress.
    pub max: usize,
    /// Requests that wait for a place; whatever comes beyond them is shed.
    pub queue: usize,
    /// Connections kept for the next request, for each node.
    pub max_idle: usize,
    /// How long such a connection is kept.
    pub idle_timeout: Period,
}

impl Default for ConnectionsConfig {
    fn default() -> Self {
        Self { max: 500, queue: 500, max_idle: 100, idle_timeout: Period::from_secs(90) }
    }
}

/// Bounds on parts of an answer; the whole has the service's `timeout`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TimeoutsConfig {
    /// How long a connection may take to be made, without TLS.
    pub dial: Period,
    /// How long the headers of an answer may take, if not as long as all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Period>,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        Self { dial: Period::from_secs(5), headers: None }
    }
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            url: None,
            endpoints: Vec::new(),
            base_path: None,
            headers: BTreeMap::new(),
            authentication: None,
            tls: None,
            balancing: None,
            breaker: BreakerConfig::default(),
            max_retries: 1,
            retry: RetryPolicy::default(),
            hedge_after: None,
            connections: ConnectionsConfig::default(),
            timeouts: TimeoutsConfig::default(),
            probe: None,
            sync: None,
        }
    }
}

impl PoolConfig {
    /// A pool of one node.
    #[must_use]
    pub fn of(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::default() }
    }

    /// A pool of several.
    #[must_use]
    pub fn of_all(urls: impl IntoIterator<Item = String>) -> Self {
        Self { endpoints: urls.into_iter().map(EndpointConfig::of).collect(), ..Self::default() }
    }

    /// All nodes, however they are written.
    #[must_use]
    pub fn nodes(&self) -> Vec<EndpointConfig> {
        self.url.iter().cloned().map(EndpointConfig::of).chain(self.endpoints.iter().cloned()).collect()
    }

    /// Which of the nodes is asked.
    #[must_use]
    pub fn balancing(&self) -> Balancing {
        self.balancing.unwrap_or(if self.endpoints.len() > 1 { Balancing::RoundRobin } else { Balancing::FirstHealthy })
    }
}

impl EndpointConfig {
    /// A node without a name of its own.
    #[must_use]
    pub fn of(url: String) -> Self {
        Self { name: None, url, weight: 1 }
    }

    /// What metrics and logs call it: its name, or the host and port of its URL.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| host(&self.url))
    }
}

/// Host and port of a URL or of a bare `host:port`, without what may be a credential.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

// Paths, queries and headers may hold credentials, so none of them is printed.
impl fmt::Debug for EndpointConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointConfig")
            .field("name", &self.name)
            .field("host", &host(&self.url))
            .field("weight", &self.weight)
            .finish()
    }
}

impl fmt::Debug for PoolConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConfig")
            .field("nodes", &self.nodes())
            .field("headers", &self.headers.keys())
            .field("authentication", &self.authentication)
            .field("balancing", &self.balancing())
            .finish_non_exhaustive()
    }
}

fn one() -> u16 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_one(weight: &u16) -> bool {
    *weight == 1
}
