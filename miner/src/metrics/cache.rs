//! The leader's part in the caches that the pool shares.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

const SECONDS: [f64; 7] = [0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

/// How the leader keeps shared answers fresh.
#[derive(Debug, Clone)]
pub struct RefreshMetrics {
    refreshes: Family<ByResult, Counter>,
    durations: Histogram,
    leads: Gauge,
    published: Counter,
}

impl Default for RefreshMetrics {
    fn default() -> Self {
        Self {
            refreshes: Family::default(),
            durations: Histogram::new(SECONDS),
            leads: Gauge::default(),
            published: Counter::default(),
        }
    }
}

impl RefreshMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        let registry = registry.sub_registry_with_prefix("ha_cache");
        registry.register("orchestrator_refreshes", "Rounds of asking the chain anew", it.refreshes.clone());
        registry.register("orchestrator_refresh_duration_seconds", "Time of such a round", it.durations.clone());
        registry.register(
            "orchestrator_leader_status",
            "1 while this miner keeps shared answers fresh",
            it.leads.clone(),
        );
        registry.register("block_events_published", "Blocks that this miner told the pool of", it.published.clone());
        it
    }

    pub(crate) fn refreshed(&self, is_whole: bool, took: Duration) {
        self.refreshes.get_or_create(&ByResult { result: if is_whole { "success" } else { "error" } }).inc();
        self.durations.observe(took.as_secs_f64());
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leads.set(i64::from(leads));
    }

    pub(crate) fn published(&self, blocks: usize) {
        self.published.inc_by(u64::try_from(blocks).unwrap_or(u64::MAX));
    }
}
