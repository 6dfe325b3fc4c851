//! The configuration of a relayer, one strict YAML file (`docs/relayer.md` lists every key).

mod authentication;
mod budget;
mod check;
mod layout;
mod limits;
mod node_tls;
mod pool;
mod probe;
mod recording;
pub mod reference;
mod services;
mod simulation;
mod tls;
mod websocket;

use std::path::Path;

use relay_core::config::{ChainSection, ConfigError, KeysSection, Period, RedisSection};
use relay_core::telemetry::LogConfig;
use serde::{Deserialize, Serialize};

pub(crate) use authentication::basic;
pub use authentication::{AuthenticationConfig, CredentialError};
pub use budget::{BudgetConfig, OnError, SliceConfig};
pub use layout::{Layout, Loaded, UnknownKeys};
pub use limits::{CompressionConfig, DrainConfig, LimitsConfig};
pub use node_tls::NodeTlsConfig;
pub(crate) use node_tls::NodeTlsFiles;
pub use pool::{Balancing, BreakerConfig, ConnectionsConfig, EndpointConfig, PoolConfig, RetryPolicy, TimeoutsConfig};
pub use probe::{ChainId, ProbeConfig, ProbeKind, SyncConfig};
pub use recording::{RecordingConfig, RecordingMode};
pub use services::{ServiceConfig, Services, ValidationMode};
pub(crate) use simulation::Pinned;
pub use simulation::{IdentityConfig, SimulationConfig};
pub use tls::TlsConfig;
pub use websocket::{HandshakeMode, WebSocketConfig};

/// Everything a relayer is told. Only `chain`, `redis`, `keys` and `services` must be given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// How people call this relayer in its log and status. Marks in Redis use a random id instead.
    #[serde(default = "default_name")]
    pub name: String,
    /// Where gateways send relays.
    #[serde(default = "default_listen")]
    pub listen: String,
    /// TLS on that port, if it is to have any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsConfig>,
    /// Where metrics, health, readiness and status are answered. Keep it away from the public.
    #[serde(default = "default_admin")]
    pub admin: String,
    /// The log.
    #[serde(default)]
    pub logs: LogConfig,
    /// The nodes that know sessions, applications and the height.
    pub chain: ChainSection,
    /// Where relays are recorded.
    pub redis: RedisSection,
    /// The keys of the suppliers served.
    pub keys: KeysSection,
    /// Service id → how it is served.
    pub services: Services,
    /// When relays are verified, unless their service says otherwise.
    #[serde(default)]
    pub validation: ValidationMode,
    /// Bounds on what callers may cost.
    #[serde(default)]
    pub limits: LimitsConfig,
    /// Compression of signed answers.
    #[serde(default)]
    pub response_compression: CompressionConfig,
    /// Sockets between gateways and nodes.
    #[serde(default)]
    pub websocket: WebSocketConfig,
    /// What an answer waits for before it leaves.
    #[serde(default)]
    pub recording: RecordingConfig,
    /// How much of an application's stake is served on.
    #[serde(default)]
    pub budget: BudgetConfig,
    /// Relays of the operator's own, by which it is tested as it runs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub simulation: SimulationConfig,
    /// How the relayer ends.
    #[serde(default)]
    pub drain: DrainConfig,
    /// How old the newest block may be before the relayer is not ready.
    #[serde(default = "default_block_age")]
    pub max_block_age: Period,
}

impl Config {
    /// Reads and checks a file of either layout.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Ok(Self::read(path, UnknownKeys::Refused)?.config)
    }

    /// Reads and checks YAML text of either layout; `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, ConfigError> {
        Ok(Self::read_text(text, origin, UnknownKeys::Refused)?.config)
    }
}

fn is_default(simulation: &SimulationConfig) -> bool {
    *simulation == SimulationConfig::default()
}

fn default_name() -> String {
    "relayer".to_owned()
}

fn default_listen() -> String {
    "0.0.0.0:8080".to_owned()
}

fn default_admin() -> String {
    "0.0.0.0:9090".to_owned()
}

fn default_block_age() -> Period {
    // Several blocks of a slow chain: a node that is merely late must not take every relayer out of service.
    Period::from_secs(300)
}

#[cfg(test)]
mod tests;
