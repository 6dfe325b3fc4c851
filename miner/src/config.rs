//! The miner's configuration file.

mod intake;
mod layout;
mod leader;
mod leases;
mod monitors;
pub mod reference;
mod shutdown;
#[cfg(test)]
mod tests;
mod transactions;

use std::path::Path;

use relay_core::config::{ChainSection, ConfigError, KeysSection, RedisSection, UnknownKeys};
use relay_core::telemetry::LogConfig;
use serde::{Deserialize, Serialize};

pub use intake::IntakeSection;
pub use layout::Loaded;
pub use leader::LeaderSection;
pub use leases::LeaseSection;
pub use monitors::{BalanceMonitor, BlockMonitor, MemoryMonitor, MonitorSection, SettlementMonitor};
pub use shutdown::ShutdownSection;
pub use transactions::{ProfitabilitySection, TransactionSection};

/// Everything a miner needs to know. Unknown keys are refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Config {
    /// How people call this miner in logs and status. Ownership uses a random id instead.
    pub name: String,
    /// Where metrics, health, readiness and status are answered. Keep it away from the public.
    #[serde(default = "default_admin")]
    pub admin: String,
    /// The chain.
    pub chain: ChainSection,
    /// The shared state.
    pub redis: RedisSection,
    /// The supplier keys.
    pub keys: KeysSection,
    /// How suppliers are owned.
    #[serde(default)]
    pub leases: LeaseSection,
    /// How the one miner with fleet duties is found.
    #[serde(default)]
    pub leader: LeaderSection,
    /// What that one watches.
    #[serde(default)]
    pub monitors: MonitorSection,
    /// How logs are read.
    #[serde(default)]
    pub intake: IntakeSection,
    /// How claims and proofs are paid for.
    #[serde(default)]
    pub transactions: TransactionSection,
    /// How the miner ends.
    #[serde(default)]
    pub shutdown: ShutdownSection,
    /// Whether changes of the keys are followed. Without it they are read once, at the start.
    #[serde(default = "yes")]
    pub hot_reload: bool,
    /// The log.
    #[serde(default)]
    pub logs: LogConfig,
}

fn default_admin() -> String {
    "0.0.0.0:9092".to_owned()
}

fn yes() -> bool {
    true
}

impl Config {
    /// A configuration with defaults for everything that has one.
    #[must_use]
    pub fn new(name: String, chain: ChainSection, redis: RedisSection, keys: KeysSection) -> Self {
        Self {
            name,
            admin: default_admin(),
            chain,
            redis,
            keys,
            leases: LeaseSection::default(),
            intake: IntakeSection::default(),
            leader: LeaderSection::default(),
            monitors: MonitorSection::default(),
            transactions: TransactionSection::default(),
            shutdown: ShutdownSection::default(),
            hot_reload: true,
            logs: LogConfig::default(),
        }
    }

    /// Reads and checks a configuration file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Loaded::read(path, UnknownKeys::Refused, &reference::Overrides::default()).map(|loaded| loaded.config)
    }

    /// Checks what a type cannot say.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::invalid("name", "give the miner a name"));
        }
        if self.chain.nodes.is_empty() {
            return Err(ConfigError::invalid("chain.nodes", "at least one node is needed"));
        }
        self.keys.check()?;
        self.redis.check()?;
        if self.redis.prefix.is_empty() || self.redis.prefix.contains(['{', '}']) {
            return Err(ConfigError::invalid("redis.prefix", "must not be empty or contain braces"));
        }
        self.leases.check()?;
        self.leader.check()?;
        self.monitors.check()?;
        self.shutdown.check()?;
        self.intake.check()?;
        self.transactions.check()
    }
}
