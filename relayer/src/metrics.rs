//! What Prometheus sees. All labels are bounded; names and labels that dashboards of other relayers use are kept.

pub(crate) mod backend;
mod budget;
mod grpc;
mod http;
mod labels;
mod log;
mod panics;
mod relays;
mod reload;
mod simulation;
mod snapshot;
mod stream;
mod tally;
mod validation;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::config::ValidationMode;
use grpc::GrpcMetrics;
use labels::ByOutcome;
use relays::{Times, seconds};

pub(crate) use budget::BudgetMetrics;
pub(crate) use labels::UNKNOWN as UNKNOWN_KIND;
pub(crate) use log::LogMetrics;
pub(crate) use panics::{Component, Panics};
pub(crate) use relays::Relays;
pub(crate) use reload::Reloads;
pub(crate) use simulation::{Simulated, SimulationMetrics};
pub(crate) use snapshot::Snapshot;
pub(crate) use tally::{Tallies, Tally};
pub(crate) use validation::ValidationMetrics;
pub(crate) use websocket::{SocketMetrics, WebSocketMetrics};

/// Counters and times of one relayer.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) relays: Relays,
    pub(crate) log: LogMetrics,
    pub(crate) grpc: GrpcMetrics,
    /// For relays whose service is not known here, or not known yet.
    pub(crate) unknown: Arc<Tally>,
    backend_latency: Times<ByOutcome>,
    pub(crate) budget: BudgetMetrics,
    pub(crate) validation: ValidationMetrics,
    pub(crate) in_flight: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) resting: Gauge,
    pub(crate) reloads: Reloads,
    pub(crate) http: http::HttpMetrics,
    pub(crate) stream: stream::StreamMetrics,
    pub(crate) panics: Panics,
    pub(crate) backends: backend::BackendMetrics,
    pub(crate) simulation: SimulationMetrics,
    pub(crate) websocket: WebSocketMetrics,
}

impl Metrics {
    /// Creates all metrics and registers them.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let panics = Panics::register(registry);
        let registry = registry.sub_registry_with_prefix("ha_relayer");
        let relays = Relays::register(registry);
        let unknown = Tallies::new(&relays, &labels::UNKNOWN.into(), ValidationMode::Eager).unknown().clone();
        let backends = backend::BackendMetrics::register(registry);
        let metrics = Self {
            unknown,
            relays,
            log: LogMetrics::register(registry),
            grpc: GrpcMetrics::register(registry),
            backend_latency: Times::new_with_constructor(seconds),
            budget: BudgetMetrics::register(registry),
            validation: ValidationMetrics::register(registry),
            websocket: WebSocketMetrics::register(registry),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            resting: Gauge::default(),
            reloads: Reloads::register(registry),
            http: http::HttpMetrics::register(registry),
            stream: stream::StreamMetrics::register(registry),
            panics,
            backends,
            simulation: SimulationMetrics::register(registry),
        };
        registry.register("backend_latency_seconds", "Time of the backend", metrics.backend_latency.clone());
        registry.register("relays_in_flight", "Relays in progress", metrics.in_flight.clone());
        registry.register("connections", "Open connections", metrics.connections.clone());
        registry.register(
            "connections_resting",
            "Open connections that wait for a request and cost next to no memory",
            metrics.resting.clone(),
        );
        metrics
    }

    pub(crate) fn backend(&self, service: &Arc<str>, outcome: &'static str, took: Duration) {
        let labels = ByOutcome { service_id: Arc::clone(service), outcome };
        self.backend_latency.get_or_create(&labels).observe(took.as_secs_f64());
    }
}
