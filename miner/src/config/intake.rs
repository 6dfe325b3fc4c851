use std::time::Duration;

use relay_core::config::{ConfigError, Period};
use serde::{Deserialize, Serialize};

/// A read of the largest relays must fit.
const LEAST_BYTES: u64 = 4 << 20;

/// How logs are read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct IntakeSection {
    /// How often Redis is asked for new relays.
    pub poll: Period,
    /// How often while a session is about to be closed. At most `poll`.
    pub poll_near_close: Period,
    /// Bytes of relays that are read and not yet in their tries, over all suppliers. Reading pauses at this bound.
    pub max_bytes_in_flight: u64,
}

impl Default for IntakeSection {
    fn default() -> Self {
        Self { poll: Period::from_secs(1), poll_near_close: Period::from_millis(200), max_bytes_in_flight: 64 << 20 }
    }
}

impl IntakeSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.poll_near_close.0 < Duration::from_millis(10) || self.poll_near_close.0 > self.poll.0 {
            return Err(ConfigError::invalid("intake.pollNearClose", "must be at least 10ms and at most intake.poll"));
        }
        if self.poll.0 > Duration::from_secs(10) {
            return Err(ConfigError::invalid("intake.poll", "must be at most 10s: sessions are closed within seconds"));
        }
        if self.max_bytes_in_flight < LEAST_BYTES {
            return Err(ConfigError::invalid("intake.maxBytesInFlight", "must be at least 4194304, four mebibytes"));
        }
        Ok(())
    }
}
