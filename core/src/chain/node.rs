use std::sync::Mutex;
use std::time::{Duration, Instant};

use tonic::transport::Channel;

use super::config::{ChainConfig, NodeConfig};
use super::error::ChainError;
use super::grpc::{self, Answer, Method};
use super::rpc::Rpc;
use crate::units::Height;

/// A node that failed is asked last for this long.
const COOL_DOWN: Duration = Duration::from_secs(5);

/// One node: its two connections and what we hold against it.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) rpc: Rpc,
    channel: Channel,
    timeout: Duration,
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Standing {
    failed: Option<Instant>,
    foreign: Option<ChainError>,
}

impl Node {
    pub(crate) fn new(node: &NodeConfig, config: &ChainConfig) -> Result<Self, ChainError> {
        Ok(Self {
            name: node.name.clone(),
            rpc: Rpc::new(node, config.query_timeout)?,
            channel: grpc::channel(node)?,
            timeout: config.query_timeout,
            standing: Mutex::default(),
        })
    }

    pub(crate) async fn ask<M: Method>(&self, request: M, at: Option<Height>) -> Result<Answer<M::Reply>, ChainError> {
        grpc::ask(&self.name, &self.channel, self.timeout, request, at).await
    }

    /// Keeps in mind how the last question went.
    pub(crate) fn note<T>(&self, outcome: &Result<T, ChainError>) {
        let failed = match outcome {
            Err(ChainError::Transient { .. } | ChainError::Malformed { .. }) => Some(Instant::now()),
            Err(ChainError::ForeignChain { .. }) | Ok(_) | Err(_) => None,
        };
        self.standing().failed = failed;
    }

    /// Excludes the node while it follows another chain.
    pub(crate) fn judge(&self, foreign: Option<ChainError>) {
        self.standing().foreign = foreign;
    }

    pub(crate) fn foreign(&self) -> Option<ChainError> {
        self.standing().foreign.clone()
    }

    pub(crate) fn cools_down(&self) -> bool {
        self.standing().failed.is_some_and(|at| at.elapsed() < COOL_DOWN)
    }

    fn standing(&self) -> std::sync::MutexGuard<'_, Standing> {
        // Nothing panics while the lock is held, and a poisoned standing would still be a standing.
        self.standing.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
