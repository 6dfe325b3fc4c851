use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use relay_core::address::Address;

use crate::leader::funds::{Funds, Health};
use crate::metrics::labels::BySupplier;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByError {
    supplier: String,
    error_type: &'static str,
}

/// Which question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The balance.
    Balance,
    /// The stake.
    Stake,
}

/// Balances and stakes of suppliers. Only the leader has them.
#[derive(Debug, Clone, Default)]
pub struct BalanceMetrics {
    balance: Family<BySupplier, Gauge<f64, AtomicU64>>,
    stake: Family<BySupplier, Gauge<f64, AtomicU64>>,
    status: Family<BySupplier, Gauge>,
    ratio: Family<BySupplier, Gauge<f64, AtomicU64>>,
    balance_critical: Family<BySupplier, Counter>,
    balance_warning: Family<BySupplier, Counter>,
    stake_critical: Family<BySupplier, Counter>,
    stake_warning: Family<BySupplier, Counter>,
    errors: Family<ByError, Counter>,
}

impl BalanceMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let it = &metrics;
        registry.register("supplier_balance_upokt", "What the supplier's account can spend", it.balance.clone());
        registry.register("supplier_stake_upokt", "The supplier's stake", it.stake.clone());
        registry.register(
            "supplier_balance_health_status",
            "The balance is 0 critical, 1 low, 2 good",
            it.status.clone(),
        );
        registry.register(
            "supplier_stake_health_ratio",
            "How many missed proofs the stake outlasts before it is below the chain's minimum",
            it.ratio.clone(),
        );
        registry.register(
            "supplier_balance_critical_alerts",
            "Looks that found the balance critical",
            it.balance_critical.clone(),
        );
        registry.register(
            "supplier_balance_warning_alerts",
            "Looks that found the balance low",
            it.balance_warning.clone(),
        );
        registry.register(
            "supplier_stake_critical_alerts",
            "Looks that found the stake critical",
            it.stake_critical.clone(),
        );
        registry.register("supplier_stake_warning_alerts", "Looks that found the stake low", it.stake_warning.clone());
        registry.register("supplier_monitor_errors", "Looks that the chain did not answer", it.errors.clone());
        metrics
    }

    /// Shows what was found.
    pub(crate) fn seen(&self, supplier: &Address, funds: &Funds) {
        let label = BySupplier::from(supplier);
        self.balance.get_or_create(&label).set(float(funds.balance.0));
        self.status.get_or_create(&label).set(match funds.balance_health {
            Health::Critical => 0,
            Health::Warning => 1,
            Health::Good => 2,
        });
        match funds.balance_health {
            Health::Critical => {
                self.balance_critical.get_or_create(&label).inc();
            }
            Health::Warning => {
                self.balance_warning.get_or_create(&label).inc();
            }
            Health::Good => {}
        }
        let Some(stake) = &funds.stake else { return };
        self.stake.get_or_create(&label).set(float(stake.amount.0));
        self.ratio.get_or_create(&label).set(stake.outlasts);
        match stake.health {
            Health::Critical => {
                self.stake_critical.get_or_create(&label).inc();
            }
            Health::Warning => {
                self.stake_warning.get_or_create(&label).inc();
            }
            Health::Good => {}
        }
    }

    /// Counts a question that was not answered.
    pub(crate) fn failed(&self, supplier: &Address, trouble: Trouble) {
        let error_type = match trouble {
            Trouble::Balance => "balance_query",
            Trouble::Stake => "stake_query",
        };
        self.errors.get_or_create(&ByError { supplier: supplier.as_str().to_owned(), error_type }).inc();
    }

    /// Shows nothing any more of a supplier.
    pub(crate) fn forget(&self, supplier: &Address) {
        let label = BySupplier::from(supplier);
        self.balance.remove(&label);
        self.stake.remove(&label);
        self.status.remove(&label);
        self.ratio.remove(&label);
    }
}

/// Exact up to 2^53 uPOKT, nine thousand million POKT; beyond it is rounded.
#[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn float(upokt: u128) -> f64 {
    upokt as f64
}
