//! Sessions that are over.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use relay_core::units::ServiceId;

use super::labels::{ByOutcome, ByService};
use crate::record::{Ending, Outcome};

/// Counts sessions, and what they came to, by outcome.
#[derive(Debug, Clone, Default)]
pub struct SessionMetrics {
    ended: Family<ByOutcome, Counter>,
    relays_ended: Family<ByOutcome, Counter>,
    earned: Family<ByService, Counter>,
}

impl SessionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("sessions_ended", "Sessions that are over, by outcome", metrics.ended.clone());
        registry.register("relays_ended", "Relays of sessions that are over, by outcome", metrics.relays_ended.clone());
        registry.register("earned_upokt", "What the suppliers' shareholders received", metrics.earned.clone());
        metrics
    }

    /// Counts a session that is over.
    pub fn ended(&self, service: &ServiceId, ending: &Ending) {
        let service = service.as_str().to_owned();
        let label = ByOutcome { service: service.clone(), outcome: ending.outcome.name() };
        self.ended.get_or_create(&label).inc();
        self.relays_ended.get_or_create(&label).inc_by(ending.tally.leaves);
        if let Outcome::Settled { earned, .. } = ending.outcome {
            self.earned.get_or_create(&ByService { service }).inc_by(u64::try_from(earned.0).unwrap_or(u64::MAX));
        }
    }
}
