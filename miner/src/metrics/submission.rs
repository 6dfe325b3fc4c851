//! Claims and proofs on their way to the chain.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::labels::ByKind;

/// Counts claims and proofs.
#[derive(Debug, Clone, Default)]
pub struct SubmissionMetrics {
    sent: Family<ByKind, Counter>,
    refused: Family<ByKind, Counter>,
}

impl SubmissionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "messages_sent",
            "Claims and proofs sent, repetitions of the same bytes not counted",
            metrics.sent.clone(),
        );
        registry.register("messages_refused", "Claims and proofs that the chain would refuse", metrics.refused.clone());
        metrics
    }

    /// Counts messages of a new transaction.
    pub fn sent(&self, kind: &'static str, messages: usize) {
        self.sent.get_or_create(&ByKind { kind }).inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
    }

    /// Counts a message that the chain would refuse.
    pub fn refused(&self, kind: &'static str) {
        self.refused.get_or_create(&ByKind { kind }).inc();
    }
}
