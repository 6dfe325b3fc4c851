//! What the publisher counts. It works in batches of one supplier, so it looks up labels once a batch and service.

use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use relay_core::address::Address;
use relay_core::units::ServiceId;

use super::labels::{ByReason, ByService, BySupplier};

/// Relays that reached the log, and those that it refused. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct LogMetrics {
    published: Family<BySupplier, Counter>,
    mined: Family<ByService, Counter>,
    dropped: Family<ByReason, Counter>,
}

impl LogMetrics {
    /// Creates the metrics and registers them; the registry's prefix is in front of their names.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self { published: Family::default(), mined: Family::default(), dropped: Family::default() };
        registry.register("relays_published", "Relays that were appended to the log", metrics.published.clone());
        registry.register("relays_mined", "Relays that count on chain and are in the log", metrics.mined.clone());
        registry.register("relays_dropped", "Relays that were served and are not recorded", metrics.dropped.clone());
        metrics
    }

    /// So many relays of a batch are in the log.
    pub(crate) fn appended(&self, supplier: &Address, service: &ServiceId, relays: u64) {
        let service_id: Arc<str> = service.as_str().into();
        let by_supplier = BySupplier { service_id: Arc::clone(&service_id), supplier: supplier.as_str().into() };
        self.published.get_or_create(&by_supplier).inc_by(relays);
        self.mined.get_or_create(&ByService { service_id }).inc_by(relays);
    }

    /// A relay came too late: its session is closed.
    pub(crate) fn late(&self, service: &ServiceId) {
        self.dropped.get_or_create(&ByReason { service_id: service.as_str().into(), reason: "late" }).inc();
    }
}
