use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByType {
    r#type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByProvider {
    provider: &'static str,
}

/// Keys of suppliers and their changes, as `ha_keys_*`. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct KeyMetrics {
    active: Gauge,
    reloads: Counter,
    changes: Family<ByType, Counter>,
    errors: Family<ByProvider, Counter>,
}

impl KeyMetrics {
    /// Creates the metrics and makes them known, at the root of a registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("ha_keys");
        registry.register("supplier_keys_active", "Supplier keys that count", metrics.active.clone());
        registry.register("reloads", "Readings of changed key sources", metrics.reloads.clone());
        registry.register("changes", "Keys that came or went", metrics.changes.clone());
        registry.register("load_errors", "Sources and files that gave no keys", metrics.errors.clone());
        for r#type in ["added", "removed"] {
            drop(metrics.changes.get_or_create(&ByType { r#type }));
        }
        for provider in ["supplier_keys_file", "file", "keyring"] {
            drop(metrics.errors.get_or_create(&ByProvider { provider }));
        }
        metrics
    }

    pub(super) fn read(&self, keys: usize, added: u64, removed: u64) {
        self.active.set(i64::try_from(keys).unwrap_or(i64::MAX));
        self.reloads.inc();
        self.changes.get_or_create(&ByType { r#type: "added" }).inc_by(added);
        self.changes.get_or_create(&ByType { r#type: "removed" }).inc_by(removed);
    }

    pub(super) fn failed(&self, provider: &'static str) {
        self.errors.get_or_create(&ByProvider { provider }).inc();
    }
}
