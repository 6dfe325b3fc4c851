//! What Prometheus sees. Labels are bounded: services are the configured ones, reasons and outcomes are fixed words.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::books::Books;
use crate::refusal::Refusal;

const SECONDS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// A relay whose service is not known here, so that callers cannot make labels.
pub(crate) const UNKNOWN_SERVICE: &str = "unknown";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByService {
    service_id: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRejection {
    service_id: Arc<str>,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    service_id: Arc<str>,
    status_code: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    service_id: Arc<str>,
    outcome: &'static str,
}

/// Counters and times of one relayer.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    received: Family<ByService, Counter>,
    rejected: Family<ByRejection, Counter>,
    served: Family<ByStatus, Counter>,
    skipped_difficulty: Family<ByService, Counter>,
    latency: Family<ByService, Histogram, fn() -> Histogram>,
    backend_latency: Family<ByOutcome, Histogram, fn() -> Histogram>,
    record_latency: Family<ByService, Histogram, fn() -> Histogram>,
    pub(crate) in_flight: Gauge,
    pub(crate) connections: Gauge,
}

fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    /// Creates all metrics and registers them.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            received: Family::default(),
            rejected: Family::default(),
            served: Family::default(),
            skipped_difficulty: Family::default(),
            latency: Family::new_with_constructor(seconds),
            backend_latency: Family::new_with_constructor(seconds),
            record_latency: Family::new_with_constructor(seconds),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
        };
        let registry = registry.sub_registry_with_prefix("ha_relayer");
        registry.register("relays_received", "Relays for a configured service", metrics.received.clone());
        registry.register("relays_rejected", "Relays that got no signed answer", metrics.rejected.clone());
        registry.register("relays_served", "Signed answers by the backend's status", metrics.served.clone());
        let text = "Answered relays that the chain does not count, so they are not recorded";
        registry.register("relays_skipped_difficulty", text, metrics.skipped_difficulty.clone());
        registry.register("relay_latency_seconds", "From request to answer", metrics.latency.clone());
        registry.register("backend_latency_seconds", "Time of the backend", metrics.backend_latency.clone());
        registry.register("record_wait_seconds", "How long answers waited for the log", metrics.record_latency.clone());
        registry.register("relays_in_flight", "Relays in progress", metrics.in_flight.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        metrics
    }

    pub(crate) fn received(&self, service: &Arc<str>) {
        self.received.get_or_create(&ByService { service_id: Arc::clone(service) }).inc();
    }

    pub(crate) fn rejected(&self, service: &Arc<str>, refusal: &Refusal) {
        let labels = ByRejection { service_id: Arc::clone(service), reason: refusal.reason() };
        self.rejected.get_or_create(&labels).inc();
    }

    pub(crate) fn served(&self, service: &Arc<str>, status: u16, took: Duration) {
        self.served.get_or_create(&ByStatus { service_id: Arc::clone(service), status_code: status }).inc();
        self.latency.get_or_create(&ByService { service_id: Arc::clone(service) }).observe(took.as_secs_f64());
    }

    pub(crate) fn below_difficulty(&self, service: &Arc<str>) {
        self.skipped_difficulty.get_or_create(&ByService { service_id: Arc::clone(service) }).inc();
    }

    pub(crate) fn backend(&self, service: &Arc<str>, outcome: &'static str, took: Duration) {
        let labels = ByOutcome { service_id: Arc::clone(service), outcome };
        self.backend_latency.get_or_create(&labels).observe(took.as_secs_f64());
    }

    pub(crate) fn record_wait(&self, service: &Arc<str>, took: Duration) {
        self.record_latency.get_or_create(&ByService { service_id: Arc::clone(service) }).observe(took.as_secs_f64());
    }
}

/// The books and the sizes that change without an event, read when Prometheus asks.
pub(crate) struct Snapshot<F> {
    pub(crate) books: Arc<Books>,
    /// Height, bytes in the spool, bytes retained.
    pub(crate) sizes: F,
}

impl<F> std::fmt::Debug for Snapshot<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("books", &self.books).finish_non_exhaustive()
    }
}

impl<F: Fn() -> (i64, usize, usize) + Send + Sync + 'static> Collector for Snapshot<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let books = self.books.entries();
        let counters = [
            ("answered", "Signed answers given", books.answered),
            ("appended", "Answered relays that are in the log", books.appended),
            ("late", "Answered relays whose session was closed", books.late),
            ("below_difficulty", "Answered relays that do not count", books.below_difficulty),
            ("withheld", "Relays served but refused by strict recording", books.withheld),
            ("appended_withheld", "Withheld relays that are in the log", books.appended_withheld),
            ("appended_again", "Relays written once more after Redis lost its last seconds", books.appended_again),
            ("again_late", "Relays that could not be written once more", books.again_late),
            ("replayed", "Requests refused as replays", books.replayed),
            ("shed", "Relays refused for lack of room", books.shed),
        ];
        for (name, help, value) in counters {
            let counter = ConstCounter::new(value);
            let name = format!("ha_relayer_books_{name}");
            counter.encode(encoder.encode_descriptor(&name, help, None, counter.metric_type())?)?;
        }
        let (height, spooled, retained) = (self.sizes)();
        let size = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
        let gauges = [
            ("current_block_height", "Height of the newest block seen", height),
            ("books_unrecorded", "Answered relays in memory only", i64::try_from(books.unrecorded).unwrap_or(i64::MAX)),
            ("spool_bytes", "Memory of relays in progress or not recorded yet", size(spooled)),
            ("retained_bytes", "Memory of relays not known to be durable yet", size(retained)),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            let name = format!("ha_relayer_{name}");
            gauge.encode(encoder.encode_descriptor(&name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
