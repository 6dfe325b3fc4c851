//! The services that a relayer serves.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use relay_core::budget::Factor;
use relay_core::relay::RpcType;
use relay_core::units::ServiceId;

use crate::backend::{BackendError, Pool, Trust};
use crate::config::{Config, PoolConfig, ServiceConfig, ValidationMode};
use crate::metrics::backend::BackendMetrics;
use crate::metrics::{Metrics, Relays, Tallies};

/// A configured service.
#[derive(Debug)]
pub(crate) struct Service {
    /// Its id, as a label.
    pub(crate) label: Arc<str>,
    /// The nodes behind it, by kind of request.
    pub(crate) pools: BTreeMap<RpcType, Arc<Pool>>,
    /// What a caller means that does not say.
    pub(crate) default_type: RpcType,
    /// When its relays are verified.
    pub(crate) validation: ValidationMode,
    /// Its metrics, by kind of request.
    pub(crate) tallies: Tallies,
    /// The part of an application's stake that is served on, if the operator chose one.
    pub(crate) factor: Option<Factor>,
    /// How long the whole answer may take.
    pub(crate) timeout: Duration,
    /// Bytes of a relay request.
    pub(crate) request_bytes: usize,
}

/// All of them, by id.
pub(crate) type ServiceMap = HashMap<ServiceId, Arc<Service>>;

impl Service {
    /// Whether some endpoint of some kind is worth sending relays to.
    pub(crate) fn is_healthy(&self) -> bool {
        self.pools.values().any(|pool| pool.is_healthy())
    }
}

/// What services are built with.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    pub(crate) trust: Trust,
    pub(crate) metrics: Relays,
    pub(crate) backends: BackendMetrics,
}

impl Means {
    /// With the certificates of this system.
    pub(crate) fn new(metrics: &Metrics) -> Result<Self, BackendError> {
        Ok(Self { trust: Trust::of_system()?, metrics: metrics.relays.clone(), backends: metrics.backends.clone() })
    }
}

/// Builds every service; nothing is dialled yet. Services and pools that are configured as `before` stay the same, with
/// their connections and what is known about their nodes.
pub(crate) fn build(
    config: &Config,
    means: &Means,
    before: Option<(&Config, &ServiceMap)>,
) -> Result<ServiceMap, BackendError> {
    let built = config.services.iter().map(|(id, service)| {
        let old = before.and_then(|(old, built)| {
            Some(Before { config: old, service: old.services.get(id)?, built: built.get(id)? })
        });
        match old {
            Some(old) if old.is_same(id, service, config) => Ok((id.clone(), Arc::clone(old.built))),
            old => Ok((id.clone(), one(means, id, service, config, old.as_ref())?)),
        }
    });
    built.collect()
}

/// A service as it is in force while the configuration is read anew.
struct Before<'a> {
    config: &'a Config,
    service: &'a ServiceConfig,
    built: &'a Arc<Service>,
}

impl Before<'_> {
    fn is_same(&self, id: &ServiceId, service: &ServiceConfig, config: &Config) -> bool {
        let most_bytes = response_bytes(service, config);
        let mut pools = service.backends.iter();
        self.service == service
            && self.built.factor == config.budget.factor(id)
            && self.config.validation == config.validation
            && self.config.limits == config.limits
            && pools.all(|(kind, pool)| self.pool(*kind, pool, most_bytes).is_some())
    }

    /// The pool of this kind, if it would be built the same again, also from the files with its secrets.
    fn pool(&self, kind: RpcType, pool: &PoolConfig, most_bytes: usize) -> Option<Arc<Pool>> {
        self.built.pools.get(&kind).filter(|built| built.is_built_from(pool, most_bytes)).cloned()
    }
}

fn response_bytes(service: &ServiceConfig, config: &Config) -> usize {
    service.response_bytes.unwrap_or(config.limits.response_bytes)
}

fn one(
    means: &Means,
    id: &ServiceId,
    service: &ServiceConfig,
    config: &Config,
    before: Option<&Before<'_>>,
) -> Result<Arc<Service>, BackendError> {
    let most_bytes = response_bytes(service, config);
    let label: Arc<str> = id.as_str().into();
    let meter = means.backends.of(&label);
    let pools = service.backends.iter().map(|(kind, pool)| {
        let kept = before.and_then(|before| before.pool(*kind, pool, most_bytes));
        let pool = kept.map_or_else(|| Pool::new(*kind, pool, most_bytes, &means.trust, meter.clone()), Ok)?;
        Ok((*kind, pool))
    });
    let validation = service.validation.unwrap_or(config.validation);
    let tallies = Tallies::new(&means.metrics, &label, validation);
    service.backends.keys().for_each(|kind| tallies.of(*kind).show());
    Ok(Arc::new(Service {
        tallies,
        pools: pools.collect::<Result<_, BackendError>>()?,
        label,
        default_type: service.default_type().unwrap_or(RpcType::JsonRpc),
        validation,
        factor: config.budget.factor(id),
        timeout: service.timeout.0,
        request_bytes: service.request_bytes.unwrap_or(config.limits.request_bytes),
    }))
}

#[cfg(test)]
mod tests {
    use relay_core::telemetry::Registry;

    use super::*;

    const BEFORE: &str = "
chain: {nodes: [{name: one, rpc: 'http://127.0.0.1:26657', grpc: '127.0.0.1:9090'}]}
redis: {url: 'redis://127.0.0.1:6379', prefix: pocket}
keys: {directory: /keys}
services:
  same: {backends: {jsonrpc: {url: 'http://127.0.0.1:1'}}}
  changed: {backends: {jsonrpc: {url: 'http://127.0.0.1:2'}, websocket: {url: 'ws://127.0.0.1:3'}}}
  gone: {backends: {jsonrpc: {url: 'http://127.0.0.1:4'}}}
";

    fn means() -> Means {
        Means::new(&Metrics::register(&mut Registry::default())).unwrap()
    }

    fn config(text: &str) -> Config {
        Config::parse(text, "relayer.yaml").unwrap()
    }

    #[test]
    fn what_is_configured_as_before_stays_the_same() {
        let means = means();
        let old = config(BEFORE);
        let before = build(&old, &means, None).unwrap();
        let new = config(&BEFORE.replace("127.0.0.1:2", "127.0.0.1:9").replace("gone", "come"));
        let after = build(&new, &means, Some((&old, &before))).unwrap();
        assert!(Arc::ptr_eq(&before[&"same".into()], &after[&"same".into()]));
        let pools = |map: &ServiceMap, kind| Arc::clone(&map[&"changed".into()].pools[&kind]);
        assert!(Arc::ptr_eq(&pools(&before, RpcType::WebSocket), &pools(&after, RpcType::WebSocket)));
        assert!(!Arc::ptr_eq(&pools(&before, RpcType::JsonRpc), &pools(&after, RpcType::JsonRpc)));
        assert!(after.contains_key(&"come".into()) && !after.contains_key(&"gone".into()));
    }

    #[test]
    fn a_pool_with_another_bound_is_another_pool() {
        let means = means();
        let old = config(BEFORE);
        let before = build(&old, &means, None).unwrap();
        let new = config(&BEFORE.replace("same: {", "same: {responseBytes: 7, "));
        let after = build(&new, &means, Some((&old, &before))).unwrap();
        let pool = |map: &ServiceMap| Arc::clone(&map[&"same".into()].pools[&RpcType::JsonRpc]);
        assert!(!Arc::ptr_eq(&pool(&before), &pool(&after)));
        let same_pools = config(&BEFORE.replace("same: {", "same: {timeout: 7s, "));
        let after = build(&same_pools, &means, Some((&old, &before))).unwrap();
        assert!(Arc::ptr_eq(&pool(&before), &pool(&after)));
        assert_eq!(after[&"same".into()].timeout, Duration::from_secs(7));
    }
}
