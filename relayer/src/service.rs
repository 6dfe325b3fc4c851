//! The services that a relayer serves.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use relay_core::relay::RpcType;
use relay_core::units::ServiceId;

use crate::backend::{BackendError, Connections, Pool};
use crate::config::{Config, ServiceConfig, ValidationMode};
use crate::metrics::{Relays, Tallies};

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

/// Builds every service; nothing is dialled yet.
pub(crate) fn build(config: &Config, metrics: &Relays) -> Result<ServiceMap, BackendError> {
    let connections = Connections::new()?;
    let built =
        config.services.iter().map(|(id, service)| Ok((id.clone(), one(&connections, id, service, config, metrics)?)));
    built.collect()
}

fn one(
    connections: &Connections,
    id: &ServiceId,
    service: &ServiceConfig,
    config: &Config,
    metrics: &Relays,
) -> Result<Arc<Service>, BackendError> {
    let most_bytes = service.response_bytes.unwrap_or(config.limits.response_bytes);
    let pools = service.backends.iter();
    let pools =
        pools.map(|(kind, pool)| Ok((*kind, Pool::new(connections.clone(), id.as_str(), *kind, pool, most_bytes)?)));
    let label: Arc<str> = id.as_str().into();
    let validation = service.validation.unwrap_or(config.validation);
    let tallies = Tallies::new(metrics, &label, validation);
    service.backends.keys().for_each(|kind| tallies.of(*kind).show());
    Ok(Arc::new(Service {
        tallies,
        label,
        pools: pools.collect::<Result<_, BackendError>>()?,
        default_type: service.default_type().unwrap_or(RpcType::JsonRpc),
        validation,
        timeout: service.timeout.0,
        request_bytes: service.request_bytes.unwrap_or(config.limits.request_bytes),
    }))
}
