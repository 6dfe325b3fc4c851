//! What every transport counts about relays.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{ByKind, ByMode, ByReason, ByRejection, ByService, ByStatus};

/// Bounds of times: 1 ms to 30 s.
const SECONDS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Bounds of bodies: 100 bytes to 10 MB.
const BYTES: [f64; 6] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

pub(super) type Times<L> = Family<L, Histogram, fn() -> Histogram>;

/// The families. A relay does not look into them: its [`Tally`] has the metrics of its labels. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Relays {
    pub(super) received: Family<ByKind, Counter>,
    pub(super) rejected: Family<ByRejection, Counter>,
    pub(super) served: Family<ByStatus, Counter>,
    pub(super) served_optimistically: Family<ByKind, Counter>,
    pub(super) skipped_difficulty: Family<ByService, Counter>,
    pub(super) validation_failures: Family<ByReason, Counter>,
    pub(super) latency: Times<ByKind>,
    pub(super) pre_backend: Times<ByKind>,
    pub(super) post_backend: Times<ByKind>,
    pub(super) validation: Times<ByMode>,
    pub(super) record_wait: Times<ByService>,
    pub(super) request_bytes: Times<ByKind>,
    pub(super) response_bytes: Times<ByKind>,
}

pub(super) fn seconds() -> Histogram {
    Histogram::new(SECONDS)
}

fn bytes() -> Histogram {
    Histogram::new(BYTES)
}

impl Relays {
    /// Creates the families and registers them; the registry's prefix is in front of their names.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self {
            received: Family::default(),
            rejected: Family::default(),
            served: Family::default(),
            served_optimistically: Family::default(),
            skipped_difficulty: Family::default(),
            validation_failures: Family::default(),
            latency: Family::new_with_constructor(seconds),
            pre_backend: Family::new_with_constructor(seconds),
            post_backend: Family::new_with_constructor(seconds),
            validation: Family::new_with_constructor(seconds),
            record_wait: Family::new_with_constructor(seconds),
            request_bytes: Family::new_with_constructor(bytes),
            response_bytes: Family::new_with_constructor(bytes),
        };
        let counts = "Relays for a configured service; those refused before it is known count as unknown";
        registry.register("relays_received", counts, families.received.clone());
        registry.register("relays_rejected", "Relays that got no signed answer", families.rejected.clone());
        registry.register("relays_served", "Signed answers by the backend's status", families.served.clone());
        let text = "Signed answers whose relay was verified beside the backend";
        registry.register("relays_served_optimistically", text, families.served_optimistically.clone());
        let text = "Answered relays that the chain does not count, so they are not recorded";
        registry.register("relays_skipped_difficulty", text, families.skipped_difficulty.clone());
        let text = "Relays that the chain would not accept, by what is wrong with them";
        registry.register("validation_failures", text, families.validation_failures.clone());
        registry.register("relay_latency_seconds", "From request to answer", families.latency.clone());
        registry.register("relay_pre_backend_seconds", "Before the backend is asked", families.pre_backend.clone());
        let text = "From the backend's answer to ours: signing and recording";
        registry.register("relay_post_backend_seconds", text, families.post_backend.clone());
        let text = "Checking session, supplier and ring signature";
        registry.register("validation_latency_seconds", text, families.validation.clone());
        registry.register("record_wait_seconds", "How long answers waited for the log", families.record_wait.clone());
        registry.register("request_body_size_bytes", "Size of relay requests", families.request_bytes.clone());
        registry.register("response_body_size_bytes", "Size of backend answers", families.response_bytes.clone());
        families
    }
}
