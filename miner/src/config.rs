//! The miner's configuration file.

use std::path::Path;

use relay_core::chain::tx::{DEFAULT_GAS_ADJUSTMENT, GasPrice};
use relay_core::config::{self, ChainSection, ConfigError, KeysSection, Period, RedisSection};
use relay_core::telemetry::LogConfig;
use serde::{Deserialize, Serialize};

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

/// How suppliers are owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct LeaseSection {
    /// How long a lease lasts without renewal: the time until another miner takes over from one that died.
    pub ttl: Period,
    /// How often leases are renewed. At most a third of `ttl`.
    pub renew: Period,
}

impl Default for LeaseSection {
    fn default() -> Self {
        Self { ttl: Period::from_secs(6), renew: Period::from_secs(2) }
    }
}

/// How claims and proofs are paid for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TransactionSection {
    /// Price of gas.
    pub gas_price: GasPrice,
    /// How much more gas than simulated is allowed.
    pub gas_adjustment: f64,
    /// The most messages of one transaction.
    pub max_messages: usize,
    /// The largest relay that is claimed, in bytes: the proof that shows it must fit in a transaction.
    pub max_relay_bytes: usize,
}

impl Default for TransactionSection {
    fn default() -> Self {
        Self {
            gas_price: GasPrice::default(),
            gas_adjustment: DEFAULT_GAS_ADJUSTMENT,
            max_messages: 30,
            max_relay_bytes: 512 * 1024,
        }
    }
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
        if self.leases.renew.0.is_zero() || self.leases.renew.0 * 3 > self.leases.ttl.0 {
            return Err(ConfigError::invalid(
                "leases.renew",
                "must be more than zero and at most a third of leases.ttl",
            ));
        }
        if !self.transactions.gas_adjustment.is_finite() || self.transactions.gas_adjustment < 1.0 {
            return Err(ConfigError::invalid("transactions.gasAdjustment", "must be at least 1"));
        }
        if self.transactions.max_messages == 0 {
            return Err(ConfigError::invalid("transactions.maxMessages", "must be at least 1"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "
name: miner-0
chain:
  id: pocket
  nodes: [{name: a, rpc: 'http://127.0.0.1:26657', grpc: '127.0.0.1:9090'}]
redis: {url: 'redis://127.0.0.1:6379', prefix: pool}
keys: {directory: /keys}
";

    fn parse(text: &str) -> Result<Config, ConfigError> {
        let config: Config = config::parse(text, "test.yaml")?;
        config.check()?;
        Ok(config)
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = parse(MINIMAL).expect("valid");
        assert_eq!(config.leases, LeaseSection { ttl: Period::from_secs(6), renew: Period::from_secs(2) });
        assert_eq!(config.transactions.max_messages, 30);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let text = format!("{MINIMAL}leeses: {{ttl: 6s}}\n");
        assert!(parse(&text).expect_err("unknown key").to_string().contains("leeses"));
    }

    #[test]
    fn a_lease_must_survive_two_missed_renewals() {
        let text = format!("{MINIMAL}leases: {{ttl: 6s, renew: 3s}}\n");
        assert!(parse(&text).expect_err("too slow").to_string().contains("leases.renew"));
    }

    #[test]
    fn a_configuration_survives_being_written_and_read() {
        let config = parse(MINIMAL).expect("valid");
        let text = serde_json::to_string(&config).expect("serialisable");
        assert_eq!(parse(&text).expect("JSON is YAML"), config);
    }
}
