//! What was read from logs.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use relay_core::units::ServiceId;

use super::labels::ByService;
use crate::session::Taken;

/// Counts entries of logs by what became of them.
#[derive(Debug, Clone, Default)]
pub struct IntakeMetrics {
    leaves: Family<ByService, Counter>,
    duplicates: Family<ByService, Counter>,
    unclaimable: Family<ByService, Counter>,
}

impl IntakeMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("relays_added_to_trie", "Relays that became leaves", metrics.leaves.clone());
        registry.register("relays_duplicate", "Log entries whose relay was a leaf already", metrics.duplicates.clone());
        registry.register("relays_unclaimable", "Log entries that cannot be claimed", metrics.unclaimable.clone());
        metrics
    }

    /// Counts entries that were read from a log.
    pub fn taken(&self, service: &ServiceId, taken: &Taken) {
        let label = ByService { service: service.as_str().to_owned() };
        self.leaves.get_or_create(&label).inc_by(taken.leaves);
        self.duplicates.get_or_create(&label).inc_by(taken.duplicates);
        self.unclaimable.get_or_create(&label).inc_by(u64::try_from(taken.refused.len()).unwrap_or(u64::MAX));
    }
}
