//! Counters of the miner. Label values are services, kinds and outcomes: few, and from our own configuration or constants.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use relay_core::units::ServiceId;

use crate::record::{Ending, Outcome};
use crate::session::Taken;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByService {
    service: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByKind {
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    service: String,
    outcome: &'static str,
}

/// The miner's metrics. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    leaves: Family<ByService, Counter>,
    duplicates: Family<ByService, Counter>,
    unclaimable: Family<ByService, Counter>,
    messages_sent: Family<ByKind, Counter>,
    messages_refused: Family<ByKind, Counter>,
    sessions_ended: Family<ByOutcome, Counter>,
    relays_ended: Family<ByOutcome, Counter>,
    earned: Family<ByService, Counter>,
    /// Suppliers whose lease this miner holds.
    pub suppliers_owned: Gauge,
    /// The newest block.
    pub height: Gauge,
}

impl Metrics {
    /// Creates the metrics and makes them known.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let registry = registry.sub_registry_with_prefix("ha_miner");
        registry.register("relays_added_to_trie", "Relays that became leaves", metrics.leaves.clone());
        registry.register("relays_duplicate", "Log entries whose relay was a leaf already", metrics.duplicates.clone());
        registry.register("relays_unclaimable", "Log entries that cannot be claimed", metrics.unclaimable.clone());
        registry.register(
            "messages_sent",
            "Claims and proofs sent, repetitions of the same bytes not counted",
            metrics.messages_sent.clone(),
        );
        registry.register(
            "messages_refused",
            "Claims and proofs that the chain would refuse",
            metrics.messages_refused.clone(),
        );
        registry.register("sessions_ended", "Sessions that are over, by outcome", metrics.sessions_ended.clone());
        registry.register("relays_ended", "Relays of sessions that are over, by outcome", metrics.relays_ended.clone());
        registry.register("earned_upokt", "What the suppliers' shareholders received", metrics.earned.clone());
        registry.register("suppliers_owned", "Suppliers whose lease this miner holds", metrics.suppliers_owned.clone());
        registry.register("block_height", "The newest block", metrics.height.clone());
        metrics
    }

    /// Counts entries that were read from a log.
    pub fn taken(&self, service: &ServiceId, taken: &Taken) {
        let label = ByService { service: service.as_str().to_owned() };
        self.leaves.get_or_create(&label).inc_by(taken.leaves);
        self.duplicates.get_or_create(&label).inc_by(taken.duplicates);
        self.unclaimable.get_or_create(&label).inc_by(u64::try_from(taken.refused.len()).unwrap_or(u64::MAX));
    }

    /// Counts messages of a new transaction.
    pub fn sent(&self, kind: &'static str, messages: usize) {
        self.messages_sent.get_or_create(&ByKind { kind }).inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
    }

    /// Counts a message that the chain would refuse.
    pub fn refused(&self, kind: &'static str) {
        self.messages_refused.get_or_create(&ByKind { kind }).inc();
    }

    /// Counts a session that is over.
    pub fn ended(&self, service: &ServiceId, ending: &Ending) {
        let service = service.as_str().to_owned();
        let label = ByOutcome { service: service.clone(), outcome: ending.outcome.name() };
        self.sessions_ended.get_or_create(&label).inc();
        self.relays_ended.get_or_create(&label).inc_by(ending.tally.leaves);
        if let Outcome::Settled { earned, .. } = ending.outcome {
            self.earned.get_or_create(&ByService { service }).inc_by(u64::try_from(earned.0).unwrap_or(u64::MAX));
        }
    }
}
