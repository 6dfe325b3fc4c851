use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByAction {
    action: &'static str,
}

/// What is published of suppliers.
#[derive(Debug, Clone, Default)]
pub struct SupplierMetrics {
    skipped: Family<ByReason, Counter>,
    updates: Family<ByAction, Counter>,
}

impl SupplierMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        registry.register(
            "supplier_cache_write_skipped",
            "Answers about suppliers that were not whole or not up to date, and not written",
            it.skipped.clone(),
        );
        registry.register("supplier_registry_updates", "Changes of suppliers' states", it.updates.clone());
        it
    }

    pub(crate) fn skipped(&self, reason: &'static str) {
        self.skipped.get_or_create(&ByReason { reason }).inc();
    }

    pub(crate) fn written(&self) {
        self.updates.get_or_create(&ByAction { action: "update" }).inc();
    }
}
