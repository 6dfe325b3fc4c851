use relay_core::chain::tx::{DEFAULT_GAS_ADJUSTMENT, GasPrice};
use relay_core::config::ConfigError;
use serde::{Deserialize, Serialize};

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

impl TransactionSection {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !self.gas_adjustment.is_finite() || self.gas_adjustment < 1.0 {
            return Err(ConfigError::invalid("transactions.gasAdjustment", "must be at least 1"));
        }
        if self.max_messages == 0 {
            return Err(ConfigError::invalid("transactions.maxMessages", "must be at least 1"));
        }
        Ok(())
    }
}
