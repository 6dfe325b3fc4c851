use relay_core::budget::Factors;
use relay_core::config::{ConfigError, Period};
use relay_core::leader::Times;
use serde::{Deserialize, Serialize};

/// How miners agree on the one with fleet duties, and what it tells relayers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct LeaderSection {
    /// How long the lock lasts without renewal: the time until another miner leads after one that died.
    pub ttl: Period,
    /// How often it is renewed. At most a third of `ttl`.
    pub renew: Period,
    /// After how many blocks what the pool uses is asked of the chain anew.
    pub refresh_blocks: u32,
    /// The part of an application's stake that relayers let it spend with one supplier in a session, for relayers whose own
    /// configuration has none.
    #[serde(skip_serializing_if = "Factors::is_empty")]
    pub service_factors: Factors,
}

impl Default for LeaderSection {
    fn default() -> Self {
        Self {
            ttl: Period::from_secs(6),
            renew: Period::from_secs(2),
            refresh_blocks: 4,
            service_factors: Factors::default(),
        }
    }
}

impl LeaderSection {
    /// The times of the lock.
    #[must_use]
    pub fn times(&self) -> Times {
        Times { ttl: self.ttl.0, renew: self.renew.0 }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.renew.0.is_zero() || self.renew.0 * 3 > self.ttl.0 {
            return Err(ConfigError::invalid(
                "leader.renew",
                "must be more than zero and at most a third of leader.ttl",
            ));
        }
        if self.refresh_blocks == 0 {
            return Err(ConfigError::invalid("leader.refreshBlocks", "must be at least 1"));
        }
        Ok(())
    }
}
