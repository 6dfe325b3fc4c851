//! What the leader watches.

mod balance;
mod blocks;
mod memory;
mod settlement;
mod suppliers;

use prometheus_client::registry::Registry;

pub use balance::BalanceMetrics;
pub(crate) use balance::Trouble;
pub use blocks::BlockMetrics;
pub use memory::MemoryMetrics;
pub use settlement::SettlementMetrics;
pub use suppliers::SupplierMetrics;

/// The monitors' metrics.
#[derive(Debug, Clone, Default)]
pub struct MonitorMetrics {
    /// Balances and stakes.
    pub balance: BalanceMetrics,
    /// The pace of blocks.
    pub blocks: BlockMetrics,
    /// The memory of Redis.
    pub memory: MemoryMetrics,
    /// What became of claims.
    pub settlement: SettlementMetrics,
    /// What is published of suppliers.
    pub suppliers: SupplierMetrics,
}

impl MonitorMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        Self {
            balance: BalanceMetrics::register(registry),
            blocks: BlockMetrics::register(registry),
            memory: MemoryMetrics::register(registry),
            settlement: SettlementMetrics::register(registry),
            suppliers: SupplierMetrics::register(registry),
        }
    }
}
