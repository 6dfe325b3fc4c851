//! Looks at the nodes of a pool from time to time, as long as the pool lives.

mod grpc;
mod http;
mod judgement;
mod node;
mod socket;
mod sync;

use std::sync::Arc;
use std::time::Duration;

use relay_core::relay::RpcType;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::endpoint::Endpoint;
use super::exchange::Connections;
use crate::config::{PoolConfig, ProbeConfig, ProbeKind, SyncConfig};
use crate::metrics::backend::Meter;
use judgement::Judgement;
use node::Node;

/// The tasks that look; they end with it.
#[derive(Debug)]
pub(super) struct Watch(#[expect(dead_code, reason = "held for its drop")] JoinSet<()>);

impl Watch {
    /// Starts to look, if so configured. Without a runtime, as where a configuration is only checked, nothing happens.
    pub(super) fn start(
        config: &PoolConfig,
        kind: RpcType,
        connections: &Connections,
        endpoints: &[Arc<Endpoint>],
        meter: &Meter,
    ) -> Self {
        let mut tasks = JoinSet::new();
        let Ok(runtime) = Handle::try_current() else { return Self(tasks) };
        let headers = node::headers(&config.headers);
        let nodes = endpoints.iter().map(|endpoint| Node::new(endpoint, connections, headers.clone()));
        let nodes: Vec<Node> = nodes.collect();
        if let Some(probe) = &config.probe {
            for node in &nodes {
                tasks.spawn_on(keep_probing(node.clone(), kind, probe.clone(), meter.clone()), &runtime);
            }
        }
        if let Some(sync) = &config.sync {
            tasks.spawn_on(keep_comparing(nodes, kind, sync.clone()), &runtime);
        }
        Self(tasks)
    }
}

async fn keep_probing(node: Node, kind: RpcType, config: ProbeConfig, meter: Meter) {
    let mut judgement = Judgement::new(config.unhealthy_threshold, config.healthy_threshold);
    loop {
        let probing = tokio::time::timeout(config.timeout.0, probe(&node, kind, &config));
        let outcome = probing.await.unwrap_or_else(|_| Err("no answer in time".to_owned()));
        let endpoint = &node.endpoint;
        meter.probed(&endpoint.pool, &endpoint.name, outcome.is_ok());
        if let Some(good) = judgement.observe(outcome.is_ok()) {
            endpoint.probed(good, outcome.err().as_deref().unwrap_or_default());
        }
        tokio::time::sleep(about(config.interval.0)).await;
    }
}

/// Why it did not go well.
async fn probe(node: &Node, kind: RpcType, config: &ProbeConfig) -> Result<(), String> {
    match config.kind(kind) {
        ProbeKind::Http => http::probe(node, config).await,
        ProbeKind::Tcp => node.dial().await,
        ProbeKind::Websocket => socket::probe(node, config).await,
        ProbeKind::GrpcHealth => grpc::probe(node, config).await,
    }
}

async fn keep_comparing(nodes: Vec<Node>, kind: RpcType, config: SyncConfig) {
    loop {
        let looks = nodes.iter().map(|node| async {
            let look = tokio::time::timeout(config.timeout.0, sync::look(node, kind, &config));
            look.await.ok().flatten()
        });
        let views = futures::future::join_all(looks).await;
        for (node, verdict) in nodes.iter().zip(sync::judge(&views, &config)) {
            node.endpoint.compared(verdict);
        }
        tokio::time::sleep(about(config.interval.0)).await;
    }
}

/// A tenth more or less, so that the probes of many relayers do not fall together.
fn about(interval: Duration) -> Duration {
    interval.mul_f64(rand::random_range(0.9..1.1))
}
