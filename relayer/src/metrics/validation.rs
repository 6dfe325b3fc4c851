use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use relay_core::address::Address;
use relay_core::relay::RpcType;

use super::labels::ByKind;

/// Suppliers and services about whose undeclared kinds people are told.
const MOST_TOLD: usize = 10_000;

type Told = HashSet<(Address, Arc<str>, RpcType)>;

/// What the comparison with the chain tells.
#[derive(Debug, Clone)]
pub(crate) struct ValidationMetrics {
    undeclared: Family<ByKind, Counter>,
    told: Arc<Mutex<Told>>,
    block_age: Gauge,
    block_stale: Gauge,
}

impl ValidationMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            undeclared: Family::default(),
            told: Arc::default(),
            block_age: Gauge::default(),
            block_stale: Gauge::default(),
        };
        let text = "Relays of a kind that their supplier did not declare on chain for their service";
        registry.register("undeclared_transport_served", text, metrics.undeclared.clone());
        let text = "Seconds since a new block was seen";
        registry.register("block_age_seconds", text, metrics.block_age.clone());
        let text = "1 while the newest block is older than maxBlockAge: sessions cannot be told from ended ones";
        registry.register("block_stale", text, metrics.block_stale.clone());
        metrics
    }

    /// A relay is served whose kind its supplier did not declare. People are told once for each supplier, service and kind.
    pub(crate) fn undeclared(&self, service: &Arc<str>, kind: RpcType, supplier: &Address) {
        self.undeclared.get_or_create(&ByKind { service_id: Arc::clone(service), rpc_type: kind.name() }).inc();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() < MOST_TOLD && told.insert((supplier.clone(), Arc::clone(service), kind)) {
            tracing::warn!(%supplier, service = &**service, kind = kind.name(), "served, but not declared on chain: stake the service with this kind, or gateways will not find it");
        }
    }

    /// How old the newest block is.
    pub(crate) fn block(&self, age_seconds: i64, stale: bool) {
        self.block_age.set(age_seconds);
        self.block_stale.set(i64::from(stale));
    }
}
