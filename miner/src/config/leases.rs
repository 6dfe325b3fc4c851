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
    /// How long another miner must have been there before suppliers go over to it that somebody owns. Suppliers that nobody owns
    /// are taken at once.
    pub settle: Period,
    /// The longest a shutdown waits for work on suppliers to end. What has not ended by then is left to run out with its lease;
    /// longer than leases last is of no use.
    pub hand_over: Period,
    /// How many suppliers may be read in at the same time after a take-over. The others wait in order of their deadlines.
    pub take_overs: usize,
    /// How long a supplier whose key was removed is still worked for, with the key in memory. Without it: until its sessions
    /// are over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_removed_keys: Option<Period>,
}

impl Default for LeaseSection {
    fn default() -> Self {
        Self {
            ttl: Period::from_secs(6),
            renew: Period::from_secs(2),
            settle: Period::from_secs(10),
            hand_over: Period::from_secs(3),
            take_overs: 16,
            drain_removed_keys: None,
        }
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
        if self.take_overs == 0 {
            return Err(ConfigError::invalid("leases.takeOvers", "must be at least 1"));
        }
        Ok(())
    }
}
