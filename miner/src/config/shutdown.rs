use relay_core::config::{ConfigError, Period};
use serde::{Deserialize, Serialize};

/// How the miner ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ShutdownSection {
    /// From the signal to the end: suppliers that are not handed over by then are abandoned, and their leases run out.
    pub deadline: Period,
}

impl Default for ShutdownSection {
    fn default() -> Self {
        Self { deadline: Period::from_secs(25) }
    }
}

impl ShutdownSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.deadline.0.is_zero() {
            return Err(ConfigError::invalid("shutdown.deadline", "must be more than zero"));
        }
        Ok(())
    }
}
