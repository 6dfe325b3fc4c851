use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfService {
    service_id: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Forwarded {
    service_id: Arc<str>,
    direction: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    service_id: Arc<str>,
    code: u16,
}

/// Sockets, by service. A socket's own handles are found once, when it opens.
#[derive(Debug, Clone, Default)]
pub(crate) struct WebSocketMetrics {
    active: Family<OfService, Gauge>,
    opened: Family<OfService, Counter>,
    forwarded: Family<Forwarded, Counter>,
    emitted: Family<OfService, Counter>,
    duplicates: Family<OfService, Counter>,
    unasked: Family<OfService, Counter>,
    ended: Family<Ended, Counter>,
}

/// The metrics of one open socket. It counts as open until it is dropped.
#[derive(Debug)]
pub(crate) struct SocketMetrics {
    active: Gauge,
    /// Messages that went to the node.
    pub(crate) to_node: Counter,
    /// Messages that went to the gateway.
    pub(crate) to_gateway: Counter,
    /// Relays in the log, or on their way there.
    pub(crate) emitted: Counter,
    /// Relays that are the same as one shortly before, and count once.
    pub(crate) duplicates: Counter,
    /// Messages of the node that nobody had asked for, and that could not be signed.
    pub(crate) unasked: Counter,
    service: Arc<str>,
    ended: Family<Ended, Counter>,
}

impl WebSocketMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("websocket_connections_active", "Open sockets", metrics.active.clone());
        registry.register("websocket_connections", "Sockets opened", metrics.opened.clone());
        let text = "Messages that were passed on, gateway_to_backend or backend_to_gateway";
        registry.register("websocket_messages_forwarded", text, metrics.forwarded.clone());
        registry.register("websocket_relays_emitted", "Relays of sockets that were recorded", metrics.emitted.clone());
        let text = "Relays that are the same as one shortly before on their socket, and count once on chain";
        registry.register("websocket_relays_duplicate", text, metrics.duplicates.clone());
        let text = "Messages of nodes that were dropped, because nothing had been asked or nothing was in them";
        registry.register("websocket_messages_dropped", text, metrics.unasked.clone());
        registry.register("websocket_connections_closed", "Sockets closed, by the code sent", metrics.ended.clone());
        metrics
    }

    /// A socket opens.
    pub(crate) fn open(&self, service: &Arc<str>) -> SocketMetrics {
        let of_service = OfService { service_id: Arc::clone(service) };
        let forwarded = |direction| {
            let labels = Forwarded { service_id: Arc::clone(service), direction };
            self.forwarded.get_or_create_owned(&labels)
        };
        self.opened.get_or_create_owned(&of_service).inc();
        let active = self.active.get_or_create_owned(&of_service);
        active.inc();
        SocketMetrics {
            active,
            to_node: forwarded("gateway_to_backend"),
            to_gateway: forwarded("backend_to_gateway"),
            emitted: self.emitted.get_or_create_owned(&of_service),
            duplicates: self.duplicates.get_or_create_owned(&of_service),
            unasked: self.unasked.get_or_create_owned(&of_service),
            service: Arc::clone(service),
            ended: self.ended.clone(),
        }
    }
}

impl SocketMetrics {
    /// It is closed with this code; peers choose it, so those beyond our own are one label.
    pub(crate) fn ended(&self, code: u16) {
        let code = if matches!(code, 1000..=1015 | 4000..=4003) { code } else { 0 };
        self.ended.get_or_create(&Ended { service_id: Arc::clone(&self.service), code }).inc();
    }
}

impl Drop for SocketMetrics {
    fn drop(&mut self) {
        self.active.dec();
    }
}
