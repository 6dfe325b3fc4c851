//! Sessions that are over.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use relay_core::address::Address;
use relay_core::units::{ServiceId, Upokt};

use super::labels::{ByOutcome, ByService, BySupplierService, BySupplierServiceReason};
use crate::record::{Ending, Outcome, SessionRecord};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTransition {
    supplier: String,
    service_id: String,
    from_state: &'static str,
    to_state: &'static str,
}

/// Relays, compute units and upokt of the same sessions.
#[derive(Debug, Clone)]
struct Amounts<L: Clone + std::hash::Hash + Eq> {
    relays: Family<L, Counter>,
    compute_units: Family<L, Counter>,
    upokt: Family<L, Counter>,
}

impl<L: Clone + std::hash::Hash + Eq> Default for Amounts<L> {
    fn default() -> Self {
        Self { relays: Family::default(), compute_units: Family::default(), upokt: Family::default() }
    }
}

/// Counts sessions, and what they came to, by outcome.
#[derive(Debug, Clone, Default)]
pub struct SessionMetrics {
    ended: Family<ByOutcome, Counter>,
    relays_ended: Family<ByOutcome, Counter>,
    earned: Family<ByService, Counter>,
    created: Family<BySupplierService, Counter>,
    proved: Family<BySupplierService, Counter>,
    not_drawn: Family<BySupplierService, Counter>,
    failed: Family<BySupplierServiceReason, Counter>,
    transitions: Family<ByTransition, Counter>,
    amounts_claimed: Amounts<BySupplierService>,
    amounts_proved: Amounts<BySupplierService>,
    amounts_lost: Amounts<BySupplierServiceReason>,
}

impl<L> Amounts<L>
where
    L: Clone + std::hash::Hash + Eq + EncodeLabelSet + std::fmt::Debug + Send + Sync + 'static,
{
    fn register(&self, registry: &mut Registry, word: &str) {
        registry.register(format!("relays_{word}"), "Relays of sessions that are over", self.relays.clone());
        registry.register(
            format!("compute_units_{word}"),
            "Compute units of sessions that are over",
            self.compute_units.clone(),
        );
        registry.register(
            format!("upokt_{word}"),
            "Worth of sessions that are over, at the prices of their start, before caps and splits",
            self.upokt.clone(),
        );
    }

    fn add(&self, label: &L, ending: &Ending, worth: Upokt) {
        self.relays.get_or_create(label).inc_by(ending.tally.leaves);
        self.compute_units.get_or_create(label).inc_by(ending.tally.compute_units.0);
        self.upokt.get_or_create(label).inc_by(u64::try_from(worth.0).unwrap_or(u64::MAX));
    }
}

impl SessionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let this = Self::default();
        registry.register("sessions_ended", "Sessions that are over, by outcome", this.ended.clone());
        registry.register("relays_ended", "Relays of sessions that are over, by outcome", this.relays_ended.clone());
        registry.register("earned_upokt", "What the suppliers' shareholders received", this.earned.clone());
        registry.register("sessions_created", "Sessions whose first relay was seen", this.created.clone());
        registry.register("sessions_proved", "Settled sessions with a proof on chain", this.proved.clone());
        registry.register(
            "sessions_probabilistic_proved",
            "Settled sessions that needed no proof",
            this.not_drawn.clone(),
        );
        registry.register("sessions_failed", "Sessions that earned nothing, and why", this.failed.clone());
        registry.register("session_state_transitions", "Steps of sessions", this.transitions.clone());
        this.amounts_claimed.register(registry, "claimed");
        this.amounts_proved.register(registry, "proved");
        this.amounts_lost.register(registry, "lost");
        this
    }

    /// Counts a session that was not known before.
    pub fn created(&self, supplier: &Address, service: &ServiceId) {
        self.created.get_or_create(&BySupplierService::of(supplier, service)).inc();
    }

    /// Counts a step of a session from one phase to another.
    pub fn stepped(&self, supplier: &Address, service: &ServiceId, from_state: &'static str, to_state: &'static str) {
        let label = ByTransition {
            supplier: supplier.as_str().to_owned(),
            service_id: service.as_str().to_owned(),
            from_state,
            to_state,
        };
        self.transitions.get_or_create(&label).inc();
    }

    /// Counts a session that is over. `worth` is what its claim was, or would have been, worth.
    pub fn ended(&self, supplier: &Address, record: &SessionRecord, ending: &Ending, worth: Upokt) {
        let service = &record.header.service;
        let label = ByOutcome { service: service.as_str().to_owned(), outcome: ending.outcome.name() };
        self.ended.get_or_create(&label).inc();
        self.relays_ended.get_or_create(&label).inc_by(ending.tally.leaves);
        let label = BySupplierService::of(supplier, service);
        if matches!(ending.outcome, Outcome::Settled { .. } | Outcome::Expired { .. } | Outcome::Discarded { .. }) {
            self.amounts_claimed.add(&label, ending, worth);
        }
        if let Outcome::Settled { earned, .. } = ending.outcome {
            let by_service = ByService { service: service.as_str().to_owned() };
            self.earned.get_or_create(&by_service).inc_by(u64::try_from(earned.0).unwrap_or(u64::MAX));
            let sent_a_proof = record.proof.transactions > 0;
            if sent_a_proof { &self.proved } else { &self.not_drawn }.get_or_create(&label).inc();
            self.amounts_proved.add(&label, ending, worth);
        }
        if let Some(reason) = failure(record, &ending.outcome) {
            let label = BySupplierServiceReason::of(supplier, service, reason);
            self.failed.get_or_create(&label).inc();
            self.amounts_lost.add(&label, ending, worth);
        }
    }
}

/// Why a session earned nothing though it could have.
fn failure(record: &SessionRecord, outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Settled { .. } | Outcome::Empty | Outcome::Unprofitable { .. } => None,
        Outcome::Unclaimed { .. } if record.claim.transactions > 0 => Some("claim_tx_error"),
        Outcome::Unclaimed { .. } => Some("claim_window_closed"),
        Outcome::Expired { .. } if record.proof.transactions > 0 => Some("proof_tx_error"),
        Outcome::Expired { .. } => Some("proof_window_closed"),
        Outcome::Discarded { .. } => Some("discarded"),
        Outcome::Unknown { .. } => Some("unknown"),
    }
}
