//! Leases.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What this miner owns.
#[derive(Debug, Clone, Default)]
pub struct OwnershipMetrics {
    /// Suppliers whose lease this miner holds.
    pub suppliers_owned: Gauge,
}

impl OwnershipMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("suppliers_owned", "Suppliers whose lease this miner holds", metrics.suppliers_owned.clone());
        metrics
    }
}
