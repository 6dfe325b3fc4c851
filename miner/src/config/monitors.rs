use relay_core::config::{ConfigError, Period};
use serde::{Deserialize, Serialize};

/// What the leader watches for people. Each of these only tells; none of them decides anything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct MonitorSection {
    /// What suppliers can spend, and how many missed proofs their stake outlasts.
    pub balance: BalanceMonitor,
    /// What became of the claims of all suppliers.
    pub settlement: SettlementMonitor,
    /// Slow blocks.
    pub blocks: BlockMonitor,
    /// Memory of Redis. Watched by every miner.
    pub redis_memory: MemoryMonitor,
}

/// What suppliers can spend, and how many missed proofs their stake outlasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct BalanceMonitor {
    /// Whether to look at all.
    pub enabled: bool,
    /// How often.
    pub every: Period,
    /// A balance below this is critical, below twice this a warning. In uPOKT.
    pub threshold_upokt: u64,
    /// A warning when the stake outlasts fewer missed proofs than this.
    pub stake_warning: u64,
    /// Critical when it outlasts fewer than this.
    pub stake_critical: u64,
}

/// What became of the claims of all suppliers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct SettlementMonitor {
    /// Whether to read the results of each block.
    pub enabled: bool,
}

/// Slow blocks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct BlockMonitor {
    /// Whether to look at all.
    pub enabled: bool,
    /// The time between two blocks that is expected. Without it: the median of the last ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub block_time: Option<Period>,
    /// A block is slow when it takes this many times as long.
    pub slowness: f64,
}

/// Memory of Redis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct MemoryMonitor {
    /// Whether to look at all.
    pub enabled: bool,
    /// How often.
    pub every: Period,
    /// The part of `maxmemory` from which on it is a warning.
    pub warning: f64,
}

impl Default for BalanceMonitor {
    fn default() -> Self {
        Self {
            enabled: true,
            every: Period::from_secs(300),
            threshold_upokt: 1_000_000,
            stake_warning: 10,
            stake_critical: 3,
        }
    }
}

impl Default for SettlementMonitor {
    fn default() -> Self {
        Self { enabled: true }
    }
}

impl Default for BlockMonitor {
    fn default() -> Self {
        Self { enabled: true, block_time: None, slowness: 1.5 }
    }
}

impl Default for MemoryMonitor {
    fn default() -> Self {
        Self { enabled: true, every: Period::from_secs(30), warning: 0.9 }
    }
}

impl MonitorSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let refuse = |key: &str, reason: &str| Err(ConfigError::invalid(key, reason));
        if self.balance.every.0.is_zero() {
            return refuse("monitors.balance.every", "must be more than zero; `enabled: false` switches it off");
        }
        if self.balance.stake_critical > self.balance.stake_warning {
            return refuse("monitors.balance.stakeCritical", "must not be above monitors.balance.stakeWarning");
        }
        if !self.blocks.slowness.is_finite() || self.blocks.slowness < 1.0 {
            return refuse("monitors.blocks.slowness", "must be at least 1");
        }
        if self.blocks.block_time.is_some_and(|time| time.0.is_zero()) {
            return refuse("monitors.blocks.blockTime", "must be more than zero");
        }
        if self.redis_memory.every.0.is_zero() {
            return refuse("monitors.redisMemory.every", "must be more than zero; `enabled: false` switches it off");
        }
        if !(self.redis_memory.warning > 0.0 && self.redis_memory.warning <= 1.0) {
            return refuse("monitors.redisMemory.warning", "must be above 0 and at most 1");
        }
        Ok(())
    }
}
