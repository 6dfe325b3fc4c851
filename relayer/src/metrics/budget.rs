use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::labels::{ByMode, BySupplier};
use super::relays::{Times, seconds};
use crate::config::ValidationMode;

/// Pairs of service and supplier that the gauge tells apart; the rest is one sum.
const MOST_PAIRS: usize = 1_000;
const OTHERS: &str = "others";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    service_id: Arc<str>,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOperation {
    operation: &'static str,
}

/// What budgets tell.
#[derive(Debug, Clone)]
pub(crate) struct BudgetMetrics {
    consumptions: Family<ByResult, Counter>,
    unmetered: Family<ByResult, Counter>,
    errors: Family<ByOperation, Counter>,
    sessions: Family<BySupplier, Gauge>,
    latency: Times<ByMode>,
}

impl BudgetMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            consumptions: Family::default(),
            unmetered: Family::default(),
            errors: Family::default(),
            sessions: Family::default(),
            latency: Family::new_with_constructor(seconds),
        };
        let text = "Relays that a budget had room for, or not";
        registry.register("relay_meter_consumptions", text, metrics.consumptions.clone());
        let text = "Relays served or refused because nobody knew what was left of their budget";
        registry.register("relay_meter_unmetered", text, metrics.unmetered.clone());
        let text = "Budgets that could not be asked for, by what did not work";
        registry.register("relay_meter_redis_errors", text, metrics.errors.clone());
        let text = "Sessions that are metered now";
        registry.register("relay_meter_sessions_active", text, metrics.sessions.clone());
        let text = "How long relays waited for their budget";
        registry.register("relay_meter_latency_seconds", text, metrics.latency.clone());
        metrics
    }

    /// There was room for a relay, or not.
    pub(crate) fn consumed(&self, service: &Arc<str>, within: bool) {
        let result = if within { "within_limit" } else { "over_limit" };
        self.consumptions.get_or_create(&ByResult { service_id: Arc::clone(service), result }).inc();
    }

    /// The policy decided.
    pub(crate) fn unmetered(&self, service: &Arc<str>, result: &'static str) {
        self.unmetered.get_or_create(&ByResult { service_id: Arc::clone(service), result }).inc();
    }

    /// Something did not work.
    pub(crate) fn failed(&self, operation: &'static str) {
        self.errors.get_or_create(&ByOperation { operation }).inc();
    }

    pub(crate) fn took(&self, service: &Arc<str>, mode: ValidationMode, time: Duration) {
        let labels = ByMode { service_id: Arc::clone(service), mode: mode.name() };
        self.latency.get_or_create(&labels).observe(time.as_secs_f64());
    }

    /// Counted anew each time, so that a pair which is gone falls to nothing.
    pub(crate) fn sessions(&self, counted: &BTreeMap<(Arc<str>, Arc<str>), i64>) {
        self.sessions.clear();
        for (at, ((service, supplier), count)) in counted.iter().enumerate() {
            let supplier = if at < MOST_PAIRS { Arc::clone(supplier) } else { OTHERS.into() };
            let labels = BySupplier { service_id: Arc::clone(service), supplier };
            self.sessions.get_or_create(&labels).inc_by(*count);
        }
    }
}
