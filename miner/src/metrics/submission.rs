//! Claims and proofs on their way to the chain.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use relay_core::address::Address;
use relay_core::chain::Cause;
use relay_core::units::ServiceId;

use super::labels::{BySupplier, BySupplierReason, BySupplierService, BySupplierServiceReason};
use crate::submission::Kind;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    supplier: String,
    service_id: String,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByInclusion {
    supplier: String,
    service_id: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOperation {
    supplier: String,
    operation: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKindOf {
    supplier: String,
    kind: &'static str,
}

fn blocks() -> Histogram {
    Histogram::new([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 15.0, 20.0])
}

/// The same for claims and for proofs.
#[derive(Debug, Clone)]
struct OfKind {
    submitted: Family<BySupplierService, Counter>,
    errors: Family<BySupplierReason, Counter>,
    skipped: Family<BySupplierServiceReason, Counter>,
    latency: Family<BySupplier, Histogram, fn() -> Histogram>,
    margin: Family<BySupplier, Histogram, fn() -> Histogram>,
    inclusion: Family<ByInclusion, Counter>,
    rebroadcasts: Family<ByResult, Counter>,
}

impl Default for OfKind {
    fn default() -> Self {
        Self {
            submitted: Family::default(),
            errors: Family::default(),
            skipped: Family::default(),
            latency: Family::new_with_constructor(blocks),
            margin: Family::new_with_constructor(blocks),
            inclusion: Family::default(),
            rebroadcasts: Family::default(),
        }
    }
}

impl OfKind {
    fn register(registry: &mut Registry, name: &str) -> Self {
        let this = Self::default();
        let skipped = if name == "claim" { "claims_skipped" } else { "proof_skipped" };
        let of = |what: &str| format!("{name}_{what}");
        registry.register(
            format!("{name}s_submitted"),
            "Sent in a new transaction; repetitions of the same bytes are not counted",
            this.submitted.clone(),
        );
        registry.register(of("errors"), "Refusals and failures, by what they mean", this.errors.clone());
        registry.register(skipped, "Not sent, and why", this.skipped.clone());
        registry.register(
            of("submission_latency_blocks"),
            "Blocks from the first that could hold it to the first that could after it was sent",
            this.latency.clone(),
        );
        registry.register(
            of("window_margin_blocks"),
            "Blocks that were left of the window when it was carried out",
            this.margin.clone(),
        );
        registry.register(of("inclusion_outcome"), "Whether it was on chain in the end", this.inclusion.clone());
        registry.register(
            of("rebroadcasts"),
            "Repetitions of the same bytes, by what a node said",
            this.rebroadcasts.clone(),
        );
        this
    }
}

/// Counts claims and proofs.
#[derive(Debug, Clone)]
pub struct SubmissionMetrics {
    claim: OfKind,
    proof: OfKind,
    checks: Family<BySupplier, Counter>,
    not_required: Family<BySupplier, Counter>,
    required: Family<BySupplierReason, Counter>,
    check_errors: Family<ByOperation, Counter>,
    short_of_funds: Family<ByKindOf, Gauge>,
    seal_seconds: Histogram,
}

impl Default for SubmissionMetrics {
    fn default() -> Self {
        Self {
            claim: OfKind::default(),
            proof: OfKind::default(),
            checks: Family::default(),
            not_required: Family::default(),
            required: Family::default(),
            check_errors: Family::default(),
            short_of_funds: Family::default(),
            seal_seconds: Histogram::new([0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0]),
        }
    }
}

impl SubmissionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self {
            claim: OfKind::register(registry, "claim"),
            proof: OfKind::register(registry, "proof"),
            ..Self::default()
        };
        registry.register("proof_requirement_checks", "Looks at whether a claim needs a proof", this.checks.clone());
        registry.register("proof_requirement_skipped", "Claims found to need none", this.not_required.clone());
        registry.register("proof_requirement_required", "Claims found to need one, and why", this.required.clone());
        registry.register("proof_requirement_errors", "Looks that gave no answer", this.check_errors.clone());
        registry.register(
            "messages_waiting_for_funds",
            "Claims and proofs that the supplier's account cannot pay for",
            this.short_of_funds.clone(),
        );
        registry.register(
            "seal_duration_seconds",
            "Time from closing a session's log to its durable seal",
            this.seal_seconds.clone(),
        );
        this
    }

    fn of(&self, kind: Kind) -> &OfKind {
        match kind {
            Kind::Claim => &self.claim,
            Kind::Proof => &self.proof,
        }
    }

    /// Counts a message of a new transaction; `late` is how many blocks after the opening of the window, if it is the first.
    pub fn sent(&self, kind: Kind, supplier: &Address, service: &ServiceId, late: Option<i64>) {
        let of = self.of(kind);
        of.submitted.get_or_create(&BySupplierService::of(supplier, service)).inc();
        if let Some(late) = late {
            of.latency.get_or_create(&BySupplier::of(supplier)).observe(count(late));
        }
    }

    /// Counts a repetition of the same bytes.
    pub fn repeated(&self, kind: Kind, supplier: &Address, service: &ServiceId, result: &'static str) {
        let label =
            ByResult { supplier: supplier.as_str().to_owned(), service_id: service.as_str().to_owned(), result };
        self.of(kind).rebroadcasts.get_or_create(&label).inc();
    }

    /// Counts a refusal or failure.
    pub fn failed(&self, kind: Kind, supplier: &Address, reason: &'static str) {
        self.of(kind).errors.get_or_create(&BySupplierReason::of(supplier, reason)).inc();
    }

    /// Counts a message that is not sent.
    pub fn skipped(&self, kind: Kind, supplier: &Address, service: &ServiceId, reason: &'static str) {
        self.of(kind).skipped.get_or_create(&BySupplierServiceReason::of(supplier, service, reason)).inc();
    }

    /// Notes how many blocks were left when a message was on chain.
    pub fn included(&self, kind: Kind, supplier: &Address, left: i64) {
        self.of(kind).margin.get_or_create(&BySupplier::of(supplier)).observe(count(left));
    }

    /// Counts whether a message was on chain in the end.
    pub fn concluded(&self, kind: Kind, supplier: &Address, service: &ServiceId, on_chain: bool) {
        let label = ByInclusion {
            supplier: supplier.as_str().to_owned(),
            service_id: service.as_str().to_owned(),
            outcome: if on_chain { "on_chain_found" } else { "on_chain_missing" },
        };
        self.of(kind).inclusion.get_or_create(&label).inc();
    }

    /// Counts a look at whether a proof is required.
    pub fn checked(&self, supplier: &Address) {
        self.checks.get_or_create(&BySupplier::of(supplier)).inc();
    }

    /// Counts a claim that needs a proof, and why, or none.
    pub fn decided(&self, supplier: &Address, reason: Option<&'static str>) {
        match reason {
            Some(reason) => self.required.get_or_create(&BySupplierReason::of(supplier, reason)).inc(),
            None => self.not_required.get_or_create(&BySupplier::of(supplier)).inc(),
        };
    }

    /// Counts a look that gave no answer.
    pub fn check_failed(&self, supplier: &Address) {
        let label = ByOperation { supplier: supplier.as_str().to_owned(), operation: "query" };
        self.check_errors.get_or_create(&label).inc();
    }

    /// Notes how many messages wait for money.
    pub fn short_of_funds(&self, supplier: &Address, kind: Kind, waiting: usize) {
        let label = ByKindOf { supplier: supplier.as_str().to_owned(), kind: kind.name() };
        self.short_of_funds.get_or_create(&label).set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// Notes how long a session took from close to durable seal.
    pub fn sealed(&self, took: Duration) {
        self.seal_seconds.observe(took.as_secs_f64());
    }
}

#[expect(clippy::cast_precision_loss, reason = "a window has few blocks")]
fn count(blocks: i64) -> f64 {
    blocks.max(0) as f64
}

/// A constant word for what a refusal means.
#[must_use]
pub fn cause_name(cause: Cause) -> &'static str {
    match cause {
        Cause::InsufficientFunds => "insufficient_funds",
        Cause::OutOfGas => "out_of_gas",
        Cause::InsufficientFee => "insufficient_fee",
        Cause::TimestampUsed => "timestamp_used",
        Cause::TimestampTooFar => "timestamp_too_far",
        Cause::TimedOut => "timed_out",
        Cause::MempoolFull => "mempool_full",
        Cause::TooLarge => "too_large",
        Cause::Signature => "signature",
        Cause::OutsideClaimWindow | Cause::OutsideProofWindow => "outside_window",
        Cause::ProofNotRequired => "not_required",
        Cause::ClaimNotFound => "claim_missing",
        Cause::NotInSession => "not_in_session",
        Cause::ComputeUnitsMismatch => "cupr_mismatch",
        Cause::InvalidContent => "invalid_content",
        Cause::Other => "other",
    }
}
