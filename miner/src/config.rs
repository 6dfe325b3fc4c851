//! The miner's configuration file.

mod leader;
mod leases;
mod monitors;
#[cfg(test)]
mod tests;
mod transactions;

use std::path::Path;

use relay_core::config::{self, ChainSection, ConfigError, KeysSection, RedisSection};
use relay_core::telemetry::LogConfig;
use serde::{Deserialize, Serialize};

pub use leader::{LeaderSection, ServiceFactors};
pub use leases::LeaseSection;
pub use monitors::{BalanceMonitor, BlockMonitor, MemoryMonitor, MonitorSection, SettlementMonitor};
pub use transactions::TransactionSection;

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
    /// How claims and proofs are paid for.
    #[serde(default)]
    pub transactions: TransactionSection,
    /// The log.
    #[serde(default)]
    pub logs: LogConfig,
}

fn default_admin() -> String {
    "0.0.0.0:9092".to_owned()
}

impl Config {
    /// Reads and checks a configuration file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let config: Self = config::load(path)?;
        config.check()?;
        Ok(config)
    }

    /// Checks what a type cannot say.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::invalid("name", "give the miner a name"));
        }
        if self.chain.nodes.is_empty() {
            return Err(ConfigError::invalid("chain.nodes", "at least one node is needed"));
        }
        if self.keys.file.is_some() == self.keys.directory.is_some() {
            return Err(ConfigError::invalid("keys", "give either `file` or `directory`"));
        }
        if self.redis.prefix.is_empty() || self.redis.prefix.contains(['{', '}']) {
            return Err(ConfigError::invalid("redis.prefix", "must not be empty or contain braces"));
        }
        self.leases.check()?;
        self.leader.check()?;
        self.monitors.check()?;
        self.transactions.check()
    }
}
