use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::relays::{Times, seconds};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    transport: &'static str,
    service: Arc<str>,
    supplier: Arc<str>,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTransport {
    transport: &'static str,
    service: Arc<str>,
}

/// Simulated relays, which are counted nowhere else.
#[derive(Debug, Clone)]
pub(crate) struct SimulationMetrics {
    relays: Family<ByResult, Counter>,
    duration: Times<ByTransport>,
}

/// The labels of one simulated relay. All are bounded: three transports, configured services, suppliers whose keys are here,
/// else `unknown`.
#[derive(Debug, Clone)]
pub(crate) struct Simulated {
    pub(crate) transport: &'static str,
    pub(crate) service: Arc<str>,
    pub(crate) supplier: Arc<str>,
}

impl SimulationMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self { relays: Family::default(), duration: Times::new_with_constructor(seconds) };
        registry.register("simulated_relays", "Simulated relays by what became of them", metrics.relays.clone());
        let text = "From a simulated request to its answer";
        registry.register("simulated_relay_duration_seconds", text, metrics.duration.clone());
        metrics
    }

    /// What became of one.
    pub(crate) fn ended(&self, relay: &Simulated, result: &'static str) {
        let Simulated { transport, service, supplier } = relay.clone();
        self.relays.get_or_create(&ByResult { transport, service, supplier, result }).inc();
    }

    /// How long one took to its answer.
    pub(crate) fn took(&self, relay: &Simulated, time: Duration) {
        let labels = ByTransport { transport: relay.transport, service: Arc::clone(&relay.service) };
        self.duration.get_or_create(&labels).observe(time.as_secs_f64());
    }
}
