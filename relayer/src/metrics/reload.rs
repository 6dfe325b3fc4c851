use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySource {
    source: &'static str,
}

/// Changes of configuration and keys while the relayer runs.
#[derive(Debug, Clone)]
pub(crate) struct Reloads {
    applied: Family<BySource, Counter>,
    refused: Family<BySource, Counter>,
}

const CONFIG: BySource = BySource { source: "config" };
const KEYS: BySource = BySource { source: "keys" };

impl Reloads {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let reloads = Self { applied: Family::default(), refused: Family::default() };
        registry.register("config_reloads", "Changes that were applied", reloads.applied.clone());
        registry.register("config_reload_failures", "Changes that were refused", reloads.refused.clone());
        // Both exist from the start, so that an alarm on an increase sees the first failure, too.
        for source in [CONFIG, KEYS] {
            drop(reloads.applied.get_or_create(&source));
            drop(reloads.refused.get_or_create(&source));
        }
        reloads
    }

    pub(crate) fn config_applied(&self) {
        self.applied.get_or_create(&CONFIG).inc();
    }

    pub(crate) fn config_refused(&self) {
        self.refused.get_or_create(&CONFIG).inc();
    }

    pub(crate) fn keys_applied(&self) {
        self.applied.get_or_create(&KEYS).inc();
    }

    pub(crate) fn keys_refused(&self) {
        self.refused.get_or_create(&KEYS).inc();
    }
}
