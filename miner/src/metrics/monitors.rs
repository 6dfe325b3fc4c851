//! What the leader watches.

mod balance;

use prometheus_client::registry::Registry;

pub use balance::BalanceMetrics;
pub(crate) use balance::Trouble;

/// The monitors' metrics.
#[derive(Debug, Clone, Default)]
pub struct MonitorMetrics {
    /// Balances and stakes.
    pub balance: BalanceMetrics,
}

impl MonitorMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self { balance: BalanceMetrics::register(registry) }
    }
}
