use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use relay_core::relay::RpcType;

use super::BackendError;
use super::balance::{self, Candidate};
use super::endpoint::{Attempt, Endpoint};
use super::exchange::{Connections, Trust};
use super::slots::Slots;
use super::target::Target;
use super::watch::Watch;
use crate::config::{
    AuthenticationConfig, ConnectionsConfig, NodeTlsConfig, NodeTlsFiles, PoolConfig, RetryPolicy, basic,
};
use crate::metrics::backend::{Meter, PoolView};

/// The nodes that answer one kind of request of one service.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) rpc_type: RpcType,
    /// `service:type`
    name: Arc<str>,
    config: PoolConfig,
    pub(super) connections: Connections,
    endpoints: Vec<Arc<Endpoint>>,
    /// What was in its files for TLS.
    tls: Option<NodeTlsFiles>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    turn: AtomicU64,
    pub(super) slots: Slots,
    pub(super) max_retries: u8,
    pub(super) retry: RetryPolicy,
    pub(super) hedge_after: Option<Duration>,
    pub(super) headers_within: Option<Duration>,
    pub(super) most_bytes: usize,
    pub(super) meter: Meter,
    _watch: Watch,
}

impl Pool {
    /// Dials nobody, but for probes if there are any; they end with the pool. `most_bytes` bounds the body of a whole answer.
    pub(crate) fn new(
        rpc_type: RpcType,
        config: &PoolConfig,
        most_bytes: usize,
        trust: &Trust,
        meter: Meter,
    ) -> Result<Arc<Self>, BackendError> {
        let headers = config.headers.iter().map(|(name, value)| {
            let name_and_value = (HeaderName::try_from(name).ok()).zip(HeaderValue::try_from(value).ok());
            name_and_value.ok_or_else(|| BackendError::Header(name.clone()))
        });
        let headers = headers.collect::<Result<_, _>>()?;
        let name: Arc<str> = format!("{}:{rpc_type}", meter.service).into();
        let tls = tls_files(config)?;
        let connections = Connections::new(rpc_type, config, &trust.with(tls.as_ref())?, meter.clone());
        let endpoints = endpoints(config, &name)?;
        Ok(Arc::new(Self {
            rpc_type,
            _watch: Watch::start(config, rpc_type, &connections, &endpoints, &meter),
            connections,
            endpoints,
            tls,
            name,
            headers,
            turn: AtomicU64::new(0),
            slots: Slots::new(&config.connections),
            max_retries: config.max_retries,
            retry: config.retry,
            hedge_after: config.hedge_after.map(Duration::from),
            headers_within: config.timeouts.headers.map(Duration::from),
            config: config.clone(),
            most_bytes,
            meter,
        }))
    }

    /// The most bytes of a whole answer.
    pub(crate) fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// Whether a pool built now would be the same: the same configuration, and the same secrets in its files.
    pub(crate) fn is_built_from(&self, config: &PoolConfig, most_bytes: usize) -> bool {
        self.config == *config
            && self.most_bytes == most_bytes
            && tls_files(config).is_ok_and(|now| now == self.tls)
            && endpoints(config, &self.name)
                .is_ok_and(|now| self.endpoints.iter().zip(now).all(|(old, new)| old.credential == new.credential))
    }

    /// All endpoints, healthy or not.
    pub(crate) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Whether an endpoint is worth sending relays to.
    pub(crate) fn is_healthy(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.is_good())
    }

    /// The endpoint to ask next; `None` when none is worth it.
    pub(crate) fn pick(&self) -> Option<Attempt> {
        self.pick_beside(&[])
    }

    /// The same, but none of those at `tried`.
    pub(super) fn pick_beside(&self, tried: &[usize]) -> Option<Attempt> {
        if let ([only], []) = (self.endpoints.as_slice(), tried) {
            return only.is_good().then(|| only.enter()).flatten();
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut candidates: Vec<Candidate> = self.candidates(tried).collect();
        while let Some(place) = balance::choose(self.config.balancing(), &candidates, turn) {
            // Somebody else may have taken the only trial of this one meanwhile.
            if let Some(attempt) = self.endpoints.get(place).and_then(Endpoint::enter) {
                return Some(attempt);
            }
            candidates.retain(|candidate| candidate.place != place);
        }
        None
    }

    /// How many connections it may have and keep.
    pub(crate) fn connections_config(&self) -> &ConnectionsConfig {
        &self.config.connections
    }

    /// What it is like now, for metrics.
    pub(crate) fn view(&self) -> PoolView {
        let endpoints = self.endpoints.iter().map(|endpoint| (Arc::clone(&endpoint.name), endpoint.is_good()));
        PoolView {
            service: Arc::clone(&self.meter.service),
            pool: Arc::clone(&self.name),
            in_flight: self.slots.taken(),
            most: self.slots.most(),
            endpoints: endpoints.collect(),
        }
    }

    fn candidates(&self, tried: &[usize]) -> impl Iterator<Item = Candidate> {
        let left = self.endpoints.iter().filter(|endpoint| !tried.contains(&endpoint.place) && endpoint.is_good());
        left.map(|endpoint| Candidate {
            place: endpoint.place,
            weight: endpoint.weight,
            in_flight: endpoint.in_flight(),
        })
    }
}

fn tls_files(config: &PoolConfig) -> Result<Option<NodeTlsFiles>, BackendError> {
    config.tls.as_ref().map(NodeTlsConfig::read).transpose().map_err(BackendError::Tls)
}

fn endpoints(config: &PoolConfig, pool: &Arc<str>) -> Result<Vec<Arc<Endpoint>>, BackendError> {
    let credential = config.authentication.as_ref().map(AuthenticationConfig::header).transpose()?;
    let endpoints = config.nodes().into_iter().enumerate().map(|(place, node)| {
        let target = Target::parse(&node.url, config.base_path.as_deref());
        let target = target.ok_or_else(|| BackendError::Url(node.label().to_owned()))?;
        let of_url = target.user().map(|(user, password)| basic(user, password)).transpose()?;
        let credential = credential.clone().or(of_url);
        Ok(Endpoint::new(place, &node, Arc::clone(pool), target, credential, &config.breaker))
    });
    endpoints.collect()
}
