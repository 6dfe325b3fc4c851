use std::collections::BTreeMap;

use relay_core::config::Period;
use relay_core::units::ServiceId;
use serde::{Deserialize, Serialize};

/// Service id → how it is served.
pub type Services = BTreeMap<ServiceId, ServiceConfig>;

/// How one service is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceConfig {
    /// The node behind the service.
    pub backend: BackendConfig,
}

/// A node that answers relays of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BackendConfig {
    /// `http://host:port/base/path` or `https://…`. The path goes in front of the relay's own.
    pub url: String,
    /// How long the whole answer, headers and body, may take.
    #[serde(default = "timeout")]
    pub timeout: Period,
    /// Headers set on every request to it, in place of the relay's own of that name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

/// When session membership and ring signature of a relay are verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValidationMode {
    /// Before the backend is asked.
    #[default]
    Eager,
    /// Beside the backend. Known, so that it can be refused with its own message; not built yet.
    Optimistic,
}

fn timeout() -> Period {
    Period::from_secs(30)
}
