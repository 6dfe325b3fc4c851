use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use relay_core::config::Period;
use relay_core::relay::RpcType;
use relay_core::units::ServiceId;
use relayer::Config;
use relayer::config::{Balancing, DrainConfig, EndpointConfig, PoolConfig, ServiceConfig, ValidationMode};

use super::{BuildError, Process, Role, Site, chain, keys, process_name, redis, serialise};
use crate::api::{self, BackendKind, Service, TransportBackends, Validation};
use crate::validate::{MinerFleet, RelayerFleet};

/// Nothing in front of a local relayer has to hear that it is about to end.
const DRAIN_DELAY: Period = Period::from_secs(0);
/// Shorter than what `up` waits before it kills.
const DRAIN_DEADLINE: Period = Period::from_secs(12);
const DEFAULT_TIMEOUT: Period = Period::from_secs(30);

/// The `index`-th relayer of a pool.
pub(super) fn process(
    pool: &MinerFleet,
    relayers: &RelayerFleet,
    index: u32,
    admin: SocketAddr,
    listen: SocketAddr,
    site: &Site,
) -> Result<Process, BuildError> {
    let name = process_name(&relayers.pool.name, Role::Relayer, index);
    let services = relayers.pool.spec.services.iter();
    let services: BTreeMap<ServiceId, ServiceConfig> = services
        .enumerate()
        .map(|(at, service)| Ok((service.id.as_str().into(), self::service(relayers, at, service)?)))
        .collect::<Result<_, BuildError>>()?;
    let config = Config {
        name: name.clone(),
        listen: listen.to_string(),
        tls: None,
        admin: admin.to_string(),
        logs: site.logs.clone(),
        chain: chain(pool),
        redis: redis(pool),
        keys: keys(pool, site),
        services,
        validation: relayer::config::ValidationMode::default(),
        limits: relayer::config::LimitsConfig::default(),
        response_compression: relayer::config::CompressionConfig::default(),
        websocket: relayer::config::WebSocketConfig::default(),
        recording: relayer::config::RecordingConfig::default(),
        budget: relayer::config::BudgetConfig::default(),
        simulation: relayer::config::SimulationConfig::default(),
        drain: DrainConfig { delay: DRAIN_DELAY, deadline: DRAIN_DEADLINE },
        max_block_age: Period::from_secs(300),
    };
    config.check().map_err(|error| refused(relayers, "spec", &error))?;
    Ok(Process {
        role: Role::Relayer,
        pool: relayers.pool.name.clone(),
        admin,
        listen: Some(listen),
        path: Path::new("config").join(format!("{name}.yaml")),
        config: serialise(&name, &config)?,
        name,
    })
}

fn service(relayers: &RelayerFleet, at: usize, service: &Service) -> Result<ServiceConfig, BuildError> {
    let timeout = match &service.timeout {
        Some(text) => {
            text.parse().map_err(|error| refused(relayers, &format!("spec.services[{at}].timeout"), &error))?
        }
        None => DEFAULT_TIMEOUT,
    };
    let backends = service.backends.all().map(|(kind, backends)| (rpc_type(kind), pool(backends)));
    Ok(ServiceConfig {
        default_backend: service.default_backend.map(rpc_type),
        validation: service.validation.map(|mode| match mode {
            Validation::Eager => ValidationMode::Eager,
            Validation::Optimistic => ValidationMode::Optimistic,
        }),
        backends: backends.collect(),
        ..ServiceConfig::new(timeout)
    })
}

fn rpc_type(kind: BackendKind) -> RpcType {
    match kind {
        BackendKind::JsonRpc => RpcType::JsonRpc,
        BackendKind::Rest => RpcType::Rest,
        BackendKind::CometBft => RpcType::CometBft,
        BackendKind::WebSocket => RpcType::WebSocket,
        BackendKind::Grpc => RpcType::Grpc,
    }
}

fn pool(backends: &TransportBackends) -> PoolConfig {
    let endpoints = backends.endpoints.iter().map(|backend| EndpointConfig {
        name: backend.name.clone(),
        url: backend.url.clone(),
        weight: backend.weight.unwrap_or(1),
    });
    let balancing = backends.balancing.map(|balancing| match balancing {
        api::Balancing::FirstHealthy => Balancing::FirstHealthy,
        api::Balancing::RoundRobin => Balancing::RoundRobin,
        api::Balancing::LeastLoaded => Balancing::LeastLoaded,
        api::Balancing::Weighted => Balancing::Weighted,
    });
    PoolConfig { endpoints: endpoints.collect(), balancing, ..PoolConfig::default() }
}

fn refused<E: std::error::Error>(relayers: &RelayerFleet, path: &str, error: &E) -> BuildError {
    BuildError::Refused(relayers.pool.problem(path, "ConfigInvalid", error.to_string()))
}
