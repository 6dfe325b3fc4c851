use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::units::Height;

const FINE: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
const GET: [f64; 12] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLevel {
    cache_type: &'static str,
    level: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByQuery {
    query_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    cache_type: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BySource {
    cache_type: &'static str,
    source: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByClient {
    client: &'static str,
    cache_type: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByChannel {
    channel: &'static str,
}

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// How caches serve. All labels are constants of this program.
#[derive(Debug, Clone)]
pub struct CacheMetrics {
    hits: Family<ByLevel, Counter>,
    misses: Family<ByLevel, Counter>,
    gets: Times<ByLevel>,
    queries: Family<ByQuery, Counter>,
    query_errors: Family<ByQuery, Counter>,
    query_times: Times<ByQuery>,
    locks: Family<ByResult, Counter>,
    invalidations: Family<BySource, Counter>,
    contaminated: Family<ByLevel, Counter>,
    blocks_told: Counter,
    messages_missed: Family<ByChannel, Counter>,
    height_told: Gauge,
    own_hits: Family<ByClient, Counter>,
    own_misses: Family<ByClient, Counter>,
    own_size: Family<ByClient, Gauge>,
}

impl Default for CacheMetrics {
    fn default() -> Self {
        Self {
            hits: Family::default(),
            misses: Family::default(),
            gets: Times::new_with_constructor(|| Histogram::new(GET)),
            queries: Family::default(),
            query_errors: Family::default(),
            query_times: Times::new_with_constructor(|| Histogram::new(FINE)),
            locks: Family::default(),
            invalidations: Family::default(),
            contaminated: Family::default(),
            blocks_told: Counter::default(),
            messages_missed: Family::default(),
            height_told: Gauge::default(),
            own_hits: Family::default(),
            own_misses: Family::default(),
            own_size: Family::default(),
        }
    }
}

impl CacheMetrics {
    /// Makes the metrics known, under names that begin with `ha_cache` and `ha_query`.
    pub fn register(&self, registry: &mut Registry) {
        let cache = registry.sub_registry_with_prefix("ha_cache");
        cache.register("hits", "Answers that were in a cache", self.hits.clone());
        cache.register("misses", "Answers that were not in a cache, or too old", self.misses.clone());
        cache.register(
            "get_latency_seconds",
            "Time until there was an answer, by where it came from",
            self.gets.clone(),
        );
        cache.register("chain_queries", "Questions to the chain", self.queries.clone());
        cache.register("chain_query_errors", "Questions that the chain did not answer", self.query_errors.clone());
        cache.register("chain_query_latency_seconds", "Time of questions to the chain", self.query_times.clone());
        cache.register("lock_acquisitions", "Who was to ask for what nobody knew", self.locks.clone());
        cache.register("invalidations", "Answers that were given up before their time", self.invalidations.clone());
        cache.register("contaminated", "Shared answers that were not believed", self.contaminated.clone());
        cache.register("block_events_received", "Blocks that the pool told of", self.blocks_told.clone());
        cache.register(
            "block_events_dropped",
            "How often messages of the pool may have been missed; what they told was looked up",
            self.messages_missed.clone(),
        );
        cache.register("current_block_height", "The newest block that the pool told of", self.height_told.clone());
        let query = registry.sub_registry_with_prefix("ha_query");
        query.register("cache_hits", "Answers that were in this process' memory", self.own_hits.clone());
        query.register("cache_misses", "Answers that were not", self.own_misses.clone());
        query.register("cache_size", "Answers in this process' memory, about", self.own_size.clone());
    }

    pub(crate) fn hit(&self, cache_type: &'static str, level: &'static str, took: Duration) {
        let label = ByLevel { cache_type, level };
        self.hits.get_or_create(&label).inc();
        self.gets.get_or_create(&label).observe(took.as_secs_f64());
        if level == "l1" {
            self.own_hits.get_or_create(&ByClient { client: "chain", cache_type }).inc();
        }
    }

    pub(crate) fn miss(&self, cache_type: &'static str, level: &'static str) {
        self.misses.get_or_create(&ByLevel { cache_type, level }).inc();
        if level == "l1" {
            self.own_misses.get_or_create(&ByClient { client: "chain", cache_type }).inc();
        }
    }

    pub(crate) fn asked(&self, query_type: &'static str, answered: bool, took: Duration, got: Duration) {
        let label = ByQuery { query_type };
        self.queries.get_or_create(&label).inc();
        self.query_times.get_or_create(&label).observe(took.as_secs_f64());
        if !answered {
            self.query_errors.get_or_create(&label).inc();
        }
        let level = if answered { "l3" } else { "l3_error" };
        self.gets.get_or_create(&ByLevel { cache_type: query_type, level }).observe(got.as_secs_f64());
    }

    pub(crate) fn locked(&self, cache_type: &'static str, acquired: bool) {
        let result = if acquired { "acquired" } else { "contended" };
        self.locks.get_or_create(&ByResult { cache_type, result }).inc();
    }

    pub(crate) fn invalidated(&self, cache_type: &'static str, source: &'static str) {
        self.invalidations.get_or_create(&BySource { cache_type, source }).inc();
    }

    pub(crate) fn disbelieved(&self, cache_type: &'static str) {
        self.contaminated.get_or_create(&ByLevel { cache_type, level: "l2" }).inc();
    }

    /// The pool told of a block.
    pub(crate) fn told(&self, height: Height) {
        self.blocks_told.inc();
        self.height_told.set(height.0);
    }

    /// Messages of the pool may have been missed.
    pub(crate) fn missed(&self) {
        self.messages_missed.get_or_create(&ByChannel { channel: "block_events" }).inc();
    }

    pub(crate) fn size(&self, cache_type: &'static str, entries: u64) {
        let label = ByClient { client: "chain", cache_type };
        self.own_size.get_or_create(&label).set(i64::try_from(entries).unwrap_or(i64::MAX));
    }
}
