use http::Version;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByProtocol {
    proto: &'static str,
}

/// What requests on the relay port count, whatever they carry.
#[derive(Debug, Clone, Default)]
pub(crate) struct HttpMetrics {
    requests: Family<ByProtocol, Counter>,
    active: Gauge,
}

/// A request in progress.
#[derive(Debug)]
pub(crate) struct Active(Gauge);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl HttpMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("inbound_requests_by_proto", "Requests on the relay port", metrics.requests.clone());
        registry.register("active_connections", "Requests in progress on the relay port", metrics.active.clone());
        metrics
    }

    /// A request arrived; it is in progress until the guard is dropped.
    pub(crate) fn arrived(&self, version: Version) -> Active {
        let proto = if version == Version::HTTP_2 { "h2c" } else { "http1" };
        self.requests.get_or_create(&ByProtocol { proto }).inc();
        self.active.inc();
        Active(self.active.clone())
    }
}
