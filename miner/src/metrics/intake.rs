//! What is read from logs. A session that is rebuilt after a take-over is counted again by the new owner: these are counters of
//! a process, the books are in the records.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use relay_core::address::Address;
use relay_core::units::ServiceId;

use crate::intake::Taken;

/// Bounds of times: 100 µs to 10 s; the reference's bounds from 50 ms on are among them.
const WORK: [f64; 15] = [1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0];
const AGE: [f64; 12] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Services that get a label of their own. A session's service comes from its relays' headers.
const MOST_SERVICES: usize = 500;
const OTHER_SERVICES: &str = "other";

type Times<L> = Family<L, Histogram, fn() -> Histogram>;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSupplier {
    supplier: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfLog {
    supplier: String,
    service_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    supplier: String,
    service_id: String,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByStatus {
    supplier: String,
    service_id: String,
    status_code: &'static str,
}

/// As the shared transport of other miners calls it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTransport {
    supplier_addr: String,
    service_id: String,
}

/// Counts what is read from logs, and how. Cheap to clone.
#[derive(Debug, Clone)]
pub struct IntakeMetrics {
    consumed: Family<OfLog, Counter>,
    added: Family<OfLog, Counter>,
    failed: Family<ByReason, Counter>,
    rejected: Family<ByReason, Counter>,
    processing: Times<ByStatus>,
    transported: Family<OfTransport, Counter>,
    end_to_end: Times<OfTransport>,
    trees: Family<OfSupplier, Gauge>,
    lag: Family<OfSupplier, Gauge>,
    oldest_unread: Family<OfSupplier, Gauge>,
    services: Arc<Mutex<HashSet<String>>>,
    /// Bytes of relays that were asked for or are worked on.
    pub bytes_in_flight: Gauge,
    /// Reads that had to wait because of their bytes.
    pub reads_paused: Counter,
    /// Seconds since Redis last said how far logs have grown.
    pub heads_age: Gauge,
    /// Times that it did not.
    pub polls_failed: Counter,
    /// Times that an answer took longer than the pause between two.
    pub polls_late: Counter,
}

impl Default for IntakeMetrics {
    fn default() -> Self {
        Self {
            consumed: Family::default(),
            added: Family::default(),
            failed: Family::default(),
            rejected: Family::default(),
            processing: Family::new_with_constructor(|| Histogram::new(WORK)),
            transported: Family::default(),
            end_to_end: Family::new_with_constructor(|| Histogram::new(AGE)),
            trees: Family::default(),
            lag: Family::default(),
            oldest_unread: Family::default(),
            services: Arc::default(),
            bytes_in_flight: Gauge::default(),
            reads_paused: Counter::default(),
            heads_age: Gauge::default(),
            polls_failed: Counter::default(),
            polls_late: Counter::default(),
        }
    }
}

impl IntakeMetrics {
    /// Takes the root: two of the names are those of the transport, which other miners share with their relayers.
    pub(super) fn register(root: &mut Registry) -> Self {
        let all = Self::default();
        let registry = root.sub_registry_with_prefix("ha_miner");
        registry.register("relays_consumed_from_stream", "Entries read from logs", all.consumed.clone());
        registry.register("relays_added_to_smst", "Relays that became leaves", all.added.clone());
        registry.register("relays_failed_smst", "Relays that a trie could not take", all.failed.clone());
        registry.register("relays_rejected", "Entries of logs that are not claimed", all.rejected.clone());
        registry.register(
            "relay_processing_latency_seconds",
            "Time of one read with the work on its relays",
            all.processing.clone(),
        );
        registry.register("session_trees_active", "Sessions with a trie in memory", all.trees.clone());
        registry.register("log_lag", "Entries of logs that are not read yet", all.lag.clone());
        registry.register(
            "log_oldest_unread_seconds",
            "Time for which some entry is known and not read",
            all.oldest_unread.clone(),
        );
        registry.register(
            "intake_bytes_in_flight",
            "Bytes of relays that are read and not yet in their tries",
            all.bytes_in_flight.clone(),
        );
        registry.register(
            "intake_reads_paused",
            "Reads that waited because too many bytes were in flight",
            all.reads_paused.clone(),
        );
        registry.register(
            "heads_age_seconds",
            "Time since Redis last said how far logs have grown",
            all.heads_age.clone(),
        );
        registry.register("head_polls_failed", "Questions for that without an answer", all.polls_failed.clone());
        registry.register("head_polls_late", "Questions for that that took too long", all.polls_late.clone());
        let transport = root.sub_registry_with_prefix("ha_transport_redis");
        transport.register("consumed", "Entries read from logs", all.transported.clone());
        transport.register(
            "end_to_end_latency_seconds",
            "Time from the append of a relay to its leaf",
            all.end_to_end.clone(),
        );
        all
    }

    /// The metrics of the logs of one supplier and service.
    #[must_use]
    pub fn of_log(&self, supplier: &Address, service: &ServiceId) -> LogMetrics {
        let service_id = self.service_label(service);
        LogMetrics { all: self.clone(), supplier: supplier.as_str().to_owned(), service_id }
    }

    /// The gauges of one supplier.
    #[must_use]
    pub fn of_supplier(&self, supplier: &Address) -> SupplierGauges {
        SupplierGauges { all: self.clone(), label: OfSupplier { supplier: supplier.as_str().to_owned() } }
    }

    fn service_label(&self, service: &ServiceId) -> String {
        let mut known = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.contains(service.as_str()) {
            if known.len() >= MOST_SERVICES {
                return OTHER_SERVICES.to_owned();
            }
            known.insert(service.as_str().to_owned());
        }
        service.as_str().to_owned()
    }
}

/// Counts what is read of one supplier's logs of one service.
#[derive(Debug, Clone)]
pub struct LogMetrics {
    all: IntakeMetrics,
    supplier: String,
    service_id: String,
}

impl LogMetrics {
    /// Counts a piece that was read: what became of it, the ages of its new entries, and the time that it took.
    pub fn took(&self, taken: &Taken, ages: impl Iterator<Item = Duration>, elapsed: Duration) {
        let (log, transport) = (self.label(), self.transport());
        self.all.consumed.get_or_create(&log).inc_by(taken.entries());
        self.all.transported.get_or_create(&transport).inc_by(taken.entries());
        self.all.added.get_or_create(&log).inc_by(taken.leaves);
        for (refusal, count) in taken.refusals() {
            self.all.rejected.get_or_create(&self.by_reason(refusal.name())).inc_by(count);
        }
        if taken.duplicates > 0 {
            self.all.rejected.get_or_create(&self.by_reason("duplicate")).inc_by(taken.duplicates);
        }
        if taken.uncountable > 0 {
            self.all.failed.get_or_create(&self.by_reason("trie_refused")).inc_by(taken.uncountable);
        }
        if taken.trouble.is_some() {
            self.all.failed.get_or_create(&self.by_reason("out_of_memory")).inc();
        }
        let end_to_end = self.all.end_to_end.get_or_create_owned(&transport);
        for age in ages {
            end_to_end.observe(age.as_secs_f64());
        }
        self.processing("success", elapsed);
    }

    /// Counts a read without an answer. Its relays stay in the log.
    pub fn failed(&self, elapsed: Duration) {
        self.processing("error", elapsed);
    }

    fn processing(&self, status_code: &'static str, elapsed: Duration) {
        let label = ByStatus { supplier: self.supplier.clone(), service_id: self.service_id.clone(), status_code };
        self.all.processing.get_or_create(&label).observe(elapsed.as_secs_f64());
    }

    fn label(&self) -> OfLog {
        OfLog { supplier: self.supplier.clone(), service_id: self.service_id.clone() }
    }

    fn transport(&self) -> OfTransport {
        OfTransport { supplier_addr: self.supplier.clone(), service_id: self.service_id.clone() }
    }

    fn by_reason(&self, reason: &'static str) -> ByReason {
        ByReason { supplier: self.supplier.clone(), service_id: self.service_id.clone(), reason }
    }
}

/// What is in memory and what is still to be read of one supplier, shown until this is dropped.
#[derive(Debug)]
pub struct SupplierGauges {
    all: IntakeMetrics,
    label: OfSupplier,
}

impl SupplierGauges {
    /// Shows how things stand.
    pub fn show(&self, trees: usize, lag: u64, oldest_unread: Duration) {
        let clamp = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.all.trees.get_or_create(&self.label).set(clamp(trees as u64));
        self.all.lag.get_or_create(&self.label).set(clamp(lag));
        self.all.oldest_unread.get_or_create(&self.label).set(clamp(oldest_unread.as_secs()));
    }
}

impl Drop for SupplierGauges {
    fn drop(&mut self) {
        for family in [&self.all.trees, &self.all.lag, &self.all.oldest_unread] {
            family.remove(&self.label);
        }
    }
}
