use relay_core::chain::tx::{DEFAULT_GAS_ADJUSTMENT, GasPrice};
use relay_core::config::ConfigError;
use serde::{Deserialize, Serialize};

use crate::submission::{GasBook, GasMode, GasPolicy, Price};

/// How claims and proofs are paid for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct TransactionSection {
    /// Price of gas.
    pub gas_price: GasPrice,
    /// The most that is ever paid for gas, when a node asks for more than `gasPrice`. Without it 0.001upokt, if that is more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gas_price: Option<GasPrice>,
    /// Where gas limits come from: `simulate`, or `{claim: …, proof: …}` for so much gas a message.
    pub gas: GasMode,
    /// How much more gas than simulated is allowed.
    pub gas_adjustment: f64,
    /// The most messages of one transaction.
    pub max_messages: usize,
    /// The most bytes of one transaction with several messages. Nodes take 1 MiB unless configured otherwise.
    pub max_bytes: u64,
    /// When a claim is worth making.
    pub profitability: ProfitabilitySection,
    /// Blocks after settlement in which the events of a session are looked for. After them it ends as unknown: the claim is
    /// gone from the chain, and nothing more can be earned.
    pub settlement_patience: i64,
    /// The largest relay that is claimed, in bytes: the proof that shows it must fit in a transaction.
    pub max_relay_bytes: usize,
}

/// When a claim is worth making.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ProfitabilitySection {
    /// Whether claims that cost more than they bring are left out.
    pub enabled: bool,
    /// What a claim must bring beyond its cost, in upokt.
    pub least_profit: u64,
    /// The chance that a required proof does not reach the chain and stake is slashed, 0 to 1.
    pub slash_risk: f64,
}

impl Default for ProfitabilitySection {
    fn default() -> Self {
        Self { enabled: true, least_profit: 0, slash_risk: 0.0001 }
    }
}

impl Default for TransactionSection {
    fn default() -> Self {
        Self {
            gas_price: GasPrice::default(),
            max_gas_price: None,
            gas: GasMode::default(),
            gas_adjustment: DEFAULT_GAS_ADJUSTMENT,
            max_messages: 30,
            max_bytes: 1_000_000,
            profitability: ProfitabilitySection::default(),
            settlement_patience: 200,
            max_relay_bytes: 512 * 1024,
        }
    }
}

impl TransactionSection {
    /// A thousand times the usual price is still little beside what a claim is worth.
    fn ceiling(&self) -> GasPrice {
        let most = || GasPrice::default().covering(1, 1_000).filter(|most| most.is_more_than(&self.gas_price));
        self.max_gas_price.clone().or_else(most).unwrap_or_else(|| self.gas_price.clone())
    }

    /// What the wallets of a process pay, and learn together.
    #[must_use]
    pub fn gas_policy(&self) -> GasPolicy {
        GasPolicy {
            price: Price::new(self.gas_price.clone(), self.ceiling()),
            adjustment: self.gas_adjustment,
            mode: self.gas,
            book: GasBook::default(),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if !self.gas_adjustment.is_finite() || self.gas_adjustment < 1.0 {
            return Err(ConfigError::invalid("transactions.gasAdjustment", "must be at least 1"));
        }
        if self.max_messages == 0 {
            return Err(ConfigError::invalid("transactions.maxMessages", "must be at least 1"));
        }
        if self.max_gas_price.as_ref().is_some_and(|most| !most.is_at_least(&self.gas_price)) {
            return Err(ConfigError::invalid(
                "transactions.maxGasPrice",
                "must be at least transactions.gasPrice, in the same denomination",
            ));
        }
        if !(0.0..=1.0).contains(&self.profitability.slash_risk) {
            return Err(ConfigError::invalid("transactions.profitability.slashRisk", "must be from 0 to 1"));
        }
        if self.settlement_patience < 1 {
            return Err(ConfigError::invalid("transactions.settlementPatience", "must be at least 1 block"));
        }
        if matches!(self.gas, GasMode::Fixed { claim: 0, .. } | GasMode::Fixed { proof: 0, .. }) {
            return Err(ConfigError::invalid("transactions.gas", "a message takes more than no gas"));
        }
        Ok(())
    }
}
