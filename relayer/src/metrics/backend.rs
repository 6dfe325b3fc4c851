use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::labels::{ByKind, ByService};
use super::relays::{Times, seconds};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByRequest {
    service_id: Arc<str>,
    outcome: &'static str,
    status_code: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReuse {
    service_id: Arc<str>,
    reused: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByEndpoint {
    service_id: Arc<str>,
    endpoint: Arc<str>,
}

/// What happens between the relayer and the nodes.
#[derive(Debug, Clone)]
pub(crate) struct BackendMetrics {
    requests: Family<ByRequest, Counter>,
    reused: Family<ByReuse, Counter>,
    dial: Times<ByService>,
    wait: Times<ByService>,
    missing: Family<ByKind, Counter>,
    fast_fails: Family<ByService, Counter>,
    probe_successes: Family<ByEndpoint, Counter>,
    probe_failures: Family<ByEndpoint, Counter>,
}

/// The metrics of one service, looked up once.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) service: Arc<str>,
    all: BackendMetrics,
    pub(crate) dial: Histogram,
    pub(crate) wait: Histogram,
    pub(crate) fast_fails: Counter,
    reused: [Counter; 2],
}

impl BackendMetrics {
    pub(crate) fn new() -> Self {
        Self {
            requests: Family::default(),
            reused: Family::default(),
            dial: Family::new_with_constructor(seconds),
            wait: Family::new_with_constructor(seconds),
            missing: Family::default(),
            fast_fails: Family::default(),
            probe_successes: Family::default(),
            probe_failures: Family::default(),
        }
    }

    /// `registry` adds the prefix.
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::new();
        registry.register("backend_requests", "Requests to nodes, retries and hedges too", metrics.requests.clone());
        let text = "Requests to nodes by whether their connection had served before";
        registry.register("backend_conn_reused", text, metrics.reused.clone());
        registry.register("backend_dial_seconds", "Time to make a TCP connection to a node", metrics.dial.clone());
        let text = "How long requests waited for a place at the nodes";
        registry.register("http_pool_wait_seconds", text, metrics.wait.clone());
        let text = "Relays of a kind that the service has no nodes for";
        registry.register("backend_missing", text, metrics.missing.clone());
        registry.register("fast_fails", "Relays that no node was worth asking for", metrics.fast_fails.clone());
        registry.register("health_check_successes", "Probes that went well", metrics.probe_successes.clone());
        registry.register("health_check_failures", "Probes that did not", metrics.probe_failures.clone());
        metrics
    }

    /// A relay of a kind, or of an unknown one, that the service has no nodes for.
    pub(crate) fn missing(&self, service: &Arc<str>, rpc_type: &'static str) {
        self.missing.get_or_create(&ByKind { service_id: Arc::clone(service), rpc_type }).inc();
    }

    /// A relay that no node was worth asking for.
    pub(crate) fn fast_fail(&self, service: &Arc<str>) {
        self.fast_fails.get_or_create(&ByService { service_id: Arc::clone(service) }).inc();
    }

    /// Those of one service.
    pub(crate) fn of(&self, service: &Arc<str>) -> Meter {
        let label = ByService { service_id: Arc::clone(service) };
        let reuse = |reused| ByReuse { service_id: Arc::clone(service), reused };
        Meter {
            service: Arc::clone(service),
            all: self.clone(),
            dial: self.dial.get_or_create(&label).clone(),
            wait: self.wait.get_or_create(&label).clone(),
            fast_fails: self.fast_fails.get_or_create(&label).clone(),
            reused: ["false", "true"].map(|word| self.reused.get_or_create(&reuse(word)).clone()),
        }
    }
}

impl Meter {
    /// A node was asked.
    pub(crate) fn asked(&self, outcome: &'static str, status: Option<u16>) {
        let status_code = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        let labels = ByRequest { service_id: Arc::clone(&self.service), outcome, status_code };
        self.all.requests.get_or_create(&labels).inc();
    }

    /// It answered over a connection that had served before, or not.
    pub(crate) fn connection(&self, reused: bool) {
        self.reused[usize::from(reused)].inc();
    }

    /// A node of `pool` was probed.
    pub(crate) fn probed(&self, pool: &Arc<str>, endpoint: &Arc<str>, good: bool) {
        let family = if good { &self.all.probe_successes } else { &self.all.probe_failures };
        family.get_or_create(&ByEndpoint { service_id: Arc::clone(pool), endpoint: Arc::clone(endpoint) }).inc();
    }
}

/// What a pool is like now.
#[derive(Debug, Clone)]
pub(crate) struct PoolView {
    pub(crate) service: Arc<str>,
    /// `service:type`
    pub(crate) pool: Arc<str>,
    pub(crate) in_flight: usize,
    pub(crate) most: usize,
    pub(crate) endpoints: Vec<(Arc<str>, bool)>,
}

/// Name, help and value of a gauge.
type Size = (&'static str, &'static str, fn(&PoolView) -> usize);

/// The pools, looked at when Prometheus asks: nothing is counted up and down, and pools that are gone leave no trace.
pub(crate) struct PoolGauges<F>(pub(crate) F);

impl<F> std::fmt::Debug for PoolGauges<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PoolGauges")
    }
}

impl<F: Fn() -> Vec<PoolView> + Send + Sync + 'static> Collector for PoolGauges<F> {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut pools = (self.0)();
        pools.sort_unstable_by(|one, other| one.pool.cmp(&other.pool));
        let sizes: [Size; 2] = [
            ("http_pool_in_flight", "Requests in progress at the nodes of a service", |pool| pool.in_flight),
            ("http_pool_max_conns", "Requests that its nodes are given at a time", |pool| pool.most),
        ];
        for (name, help, size) in sizes {
            let name = format!("ha_relayer_{name}");
            let mut family = encoder.encode_descriptor(&name, help, None, MetricType::Gauge)?;
            for of_service in pools.chunk_by(|one, other| one.service == other.service) {
                let Some(first) = of_service.first() else { continue };
                let sum: usize = of_service.iter().map(size).sum();
                let label = ByService { service_id: Arc::clone(&first.service) };
                ConstGauge::new(i64::try_from(sum).unwrap_or(i64::MAX)).encode(family.encode_family(&label)?)?;
            }
        }
        let name = "ha_relayer_backend_health_status";
        let mut family = encoder.encode_descriptor(name, "1 for a node worth asking", None, MetricType::Gauge)?;
        for pool in &pools {
            for (endpoint, good) in &pool.endpoints {
                let label = ByEndpoint { service_id: Arc::clone(&pool.pool), endpoint: Arc::clone(endpoint) };
                ConstGauge::new(i64::from(*good)).encode(family.encode_family(&label)?)?;
            }
        }
        Ok(())
    }
}
