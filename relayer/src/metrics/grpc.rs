//! What Prometheus sees of gRPC.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::labels::{ByReason, ByService};
use super::relays::{Times, seconds};

/// Counters and times of relays over gRPC and gRPC-Web. A streamed message counts as a relay.
#[derive(Debug, Clone)]
pub(crate) struct GrpcMetrics {
    relays: Family<ByService, Counter>,
    errors: Family<ByReason, Counter>,
    latency: Times<ByService>,
    published: Family<ByService, Counter>,
    web_requests: Family<ByService, Counter>,
}

impl GrpcMetrics {
    /// Creates them and registers them. `registry` has the relayer's prefix already.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            relays: Family::default(),
            errors: Family::default(),
            latency: Family::new_with_constructor(seconds),
            published: Family::default(),
            web_requests: Family::default(),
        };
        registry.register("grpc_relays", "Relays answered over gRPC", metrics.relays.clone());
        registry.register("grpc_relay_errors", "gRPC relays that got no paid answer", metrics.errors.clone());
        registry.register("grpc_relay_latency_seconds", "From gRPC request to answer", metrics.latency.clone());
        registry.register("grpc_relays_published", "gRPC relays given to the log", metrics.published.clone());
        registry.register("grpc_web_requests", "Requests over gRPC-Web", metrics.web_requests.clone());
        metrics
    }

    /// A relay was answered; `published` unless it is below the difficulty or came too late.
    pub(crate) fn answered(&self, service: &Arc<str>, published: bool) {
        self.relays.get_or_create(&by(service)).inc();
        if published {
            self.published.get_or_create(&by(service)).inc();
        }
    }

    pub(crate) fn error(&self, service: &Arc<str>, reason: &'static str) {
        self.errors.get_or_create(&ByReason { service_id: Arc::clone(service), reason }).inc();
    }

    pub(crate) fn took(&self, service: &Arc<str>, time: Duration) {
        self.latency.get_or_create(&by(service)).observe(time.as_secs_f64());
    }

    pub(crate) fn web_request(&self, service: &Arc<str>) {
        self.web_requests.get_or_create(&by(service)).inc();
    }
}

fn by(service: &Arc<str>) -> ByService {
    ByService { service_id: Arc::clone(service) }
}
