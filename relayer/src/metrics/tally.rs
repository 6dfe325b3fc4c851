use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use relay_core::relay::RpcType;

use super::labels::{ByKind, ByMode, ByReason, ByRejection, ByService, ByStatus, UNKNOWN};
use super::relays::Relays;
use crate::config::ValidationMode;
use crate::refusal::Refusal;

/// The metrics of one service, by kind of request.
#[derive(Debug)]
pub(crate) struct Tallies {
    known: [Arc<Tally>; RpcType::ALL.len()],
    unknown: Arc<Tally>,
}

impl Tallies {
    pub(crate) fn new(families: &Relays, service: &Arc<str>, mode: ValidationMode) -> Self {
        let tally = |kind| Arc::new(Tally::new(families.clone(), Arc::clone(service), kind, mode));
        Self { known: RpcType::ALL.map(|kind| tally(kind.name())), unknown: tally(UNKNOWN) }
    }

    /// Those of a kind.
    pub(crate) fn of(&self, kind: RpcType) -> &Arc<Tally> {
        let mut known = RpcType::ALL.iter().zip(&self.known);
        known.find(|(other, _)| **other == kind).map_or(&self.unknown, |(_, tally)| tally)
    }

    /// Those of requests whose kind is not known, or not known yet.
    pub(crate) fn unknown(&self) -> &Arc<Tally> {
        &self.unknown
    }
}

/// The metrics of one kind of request of one service. What happens to every relay is found once and updated in place; what is
/// rare is looked up.
#[derive(Debug)]
pub(crate) struct Tally {
    families: Relays,
    service: Arc<str>,
    kind: &'static str,
    mode: ValidationMode,
    /// Made at the first use, so that kinds without a backend show nothing.
    frequent: OnceLock<Frequent>,
}

#[derive(Debug)]
struct Frequent {
    received: Counter,
    served_well: Counter,
    served_optimistically: Counter,
    skipped_difficulty: Counter,
    latency: Histogram,
    pre_backend: Histogram,
    post_backend: Histogram,
    validation: Histogram,
    record_wait: Histogram,
    request_bytes: Histogram,
    response_bytes: Histogram,
}

impl Tally {
    pub(super) fn new(families: Relays, service: Arc<str>, kind: &'static str, mode: ValidationMode) -> Self {
        Self { families, service, kind, mode, frequent: OnceLock::new() }
    }

    /// The service they are of, as a label.
    pub(crate) fn service(&self) -> &Arc<str> {
        &self.service
    }

    /// Shows the metrics from now on, with zeros.
    pub(crate) fn show(&self) {
        self.frequent();
    }

    fn frequent(&self) -> &Frequent {
        self.frequent.get_or_init(|| {
            let families = &self.families;
            let by_kind = ByKind { service_id: Arc::clone(&self.service), rpc_type: self.kind };
            let by_service = ByService { service_id: Arc::clone(&self.service) };
            let by_mode = ByMode { service_id: Arc::clone(&self.service), mode: self.mode.name() };
            Frequent {
                received: families.received.get_or_create_owned(&by_kind),
                served_well: families.served.get_or_create_owned(&self.by_status(StatusCode::OK)),
                served_optimistically: families.served_optimistically.get_or_create_owned(&by_kind),
                skipped_difficulty: families.skipped_difficulty.get_or_create_owned(&by_service),
                latency: families.latency.get_or_create_owned(&by_kind),
                pre_backend: families.pre_backend.get_or_create_owned(&by_kind),
                post_backend: families.post_backend.get_or_create_owned(&by_kind),
                validation: families.validation.get_or_create_owned(&by_mode),
                record_wait: families.record_wait.get_or_create_owned(&by_service),
                request_bytes: families.request_bytes.get_or_create_owned(&by_kind),
                response_bytes: families.response_bytes.get_or_create_owned(&by_kind),
            }
        })
    }

    fn by_status(&self, status: StatusCode) -> ByStatus {
        ByStatus { service_id: Arc::clone(&self.service), rpc_type: self.kind, status_code: status.as_u16() }
    }

    fn by_reason(&self, reason: &'static str) -> ByReason {
        ByReason { service_id: Arc::clone(&self.service), reason }
    }

    /// A relay has come.
    pub(crate) fn received(&self) {
        self.frequent().received.inc();
    }

    /// Its size, once it is known to be worth a look.
    pub(crate) fn request_bytes(&self, bytes: usize) {
        self.frequent().request_bytes.observe(float(bytes));
    }

    /// It gets no signed answer.
    pub(crate) fn rejected(&self, refusal: &Refusal) {
        let reason = refusal.reason();
        let labels = ByRejection { service_id: Arc::clone(&self.service), rpc_type: self.kind, reason };
        self.families.rejected.get_or_create(&labels).inc();
    }

    /// Something is wrong with it: one of a fixed set of words.
    pub(crate) fn validation_failed(&self, reason: &'static str) {
        self.families.validation_failures.get_or_create(&self.by_reason(reason)).inc();
    }

    /// How long its verification took.
    pub(crate) fn validated(&self, took: Duration) {
        self.frequent().validation.observe(took.as_secs_f64());
    }

    /// How long it took until the backend is asked.
    pub(crate) fn before_backend(&self, took: Duration) {
        self.frequent().pre_backend.observe(took.as_secs_f64());
    }

    /// Bytes of the backend's answer, or of all signed parts of a stream.
    pub(crate) fn response_bytes(&self, bytes: usize) {
        self.frequent().response_bytes.observe(float(bytes));
    }

    /// How long it took from the backend's answer to ours.
    pub(crate) fn after_backend(&self, took: Duration) {
        self.frequent().post_backend.observe(took.as_secs_f64());
    }

    /// How long its answer waited for the log.
    pub(crate) fn record_wait(&self, took: Duration) {
        self.frequent().record_wait.observe(took.as_secs_f64());
    }

    /// It does not count on chain.
    pub(crate) fn below_difficulty(&self) {
        self.frequent().skipped_difficulty.inc();
    }

    /// A signed answer leaves.
    pub(crate) fn served(&self, status: StatusCode, took: Duration) {
        let frequent = self.frequent();
        if status == StatusCode::OK {
            frequent.served_well.inc();
        } else {
            self.families.served.get_or_create(&self.by_status(status)).inc();
        }
        if self.mode == ValidationMode::Optimistic {
            frequent.served_optimistically.inc();
        }
        frequent.latency.observe(took.as_secs_f64());
    }
}

/// Sizes beyond 2⁵³ bytes do not occur.
#[allow(clippy::cast_precision_loss)]
fn float(bytes: usize) -> f64 {
    bytes as f64
}
