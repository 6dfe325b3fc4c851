use std::sync::Arc;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::labels::ByService;

/// What streams count.
#[derive(Debug, Clone, Default)]
pub(crate) struct StreamMetrics {
    served: Family<ByService, Counter>,
    batches: Counter,
    bytes: Counter,
}

impl StreamMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("streaming_relays_served", "Streams that ended", metrics.served.clone());
        registry.register("streaming_batches_signed", "Signed parts of streams", metrics.batches.clone());
        registry.register("streaming_bytes_forwarded", "Bytes of streams inside of them", metrics.bytes.clone());
        metrics
    }

    /// A signed part was given to its caller.
    pub(crate) fn signed(&self, bytes: usize) {
        self.batches.inc();
        self.bytes.inc_by(bytes as u64);
    }

    /// A stream ended, and its last part of so many bytes leaves once it is recorded.
    pub(crate) fn ended(&self, service: &Arc<str>, last: usize) {
        self.signed(last);
        self.served.get_or_create(&ByService { service_id: Arc::clone(service) }).inc();
    }
}
