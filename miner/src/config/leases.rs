use relay_core::config::{ConfigError, Period};
use serde::{Deserialize, Serialize};

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

impl LeaseSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.renew.0.is_zero() || self.renew.0 * 3 > self.ttl.0 {
            return Err(ConfigError::invalid(
                "leases.renew",
                "must be more than zero and at most a third of leases.ttl",
            ));
        }
        Ok(())
    }
}
