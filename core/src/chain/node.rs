use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tonic::transport::Channel;

use super::config::{ChainConfig, NodeConfig};
use super::error::ChainError;
use super::grpc::{self, Answer, Method};
use super::rpc::Rpc;
use crate::units::Height;

/// A node that failed is asked last for this long.
const COOL_DOWN: Duration = Duration::from_secs(5);

/// A node that is behind the others is asked last for this long, unless it is seen to have caught up.
const BEHIND: Duration = Duration::from_mins(1);

/// Which of a node's two servers is meant. One can fail without the other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Door {
    Grpc,
    Rpc,
}

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
    grpc_failed: Option<Instant>,
    rpc_failed: Option<Instant>,
    behind: Option<Instant>,
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

    /// Keeps in mind how the last question at a door went.
    pub(crate) fn note<T>(&self, door: Door, outcome: &Result<T, ChainError>) {
        let failed = match outcome {
            Err(ChainError::Transient { .. } | ChainError::Malformed { .. }) => Some(Instant::now()),
            Ok(_) | Err(_) => None,
        };
        let mut standing = self.standing();
        match door {
            Door::Grpc => standing.grpc_failed = failed,
            Door::Rpc => standing.rpc_failed = failed,
        }
    }

    /// Excludes the node while it follows another chain.
    pub(crate) fn judge(&self, foreign: Option<ChainError>) {
        self.standing().foreign = foreign;
    }

    /// Sets the node back, or not any more, for knowing fewer blocks than others.
    pub(crate) fn rank(&self, is_behind: bool) {
        self.standing().behind = is_behind.then(Instant::now);
    }

    pub(crate) fn foreign(&self) -> Option<ChainError> {
        self.standing().foreign.clone()
    }

    /// Whether the others should be asked first.
    pub(crate) fn is_second_choice(&self, door: Door) -> bool {
        let standing = self.standing();
        let failed = match door {
            Door::Grpc => standing.grpc_failed,
            Door::Rpc => standing.rpc_failed,
        };
        let within = |at: Option<Instant>, span| at.is_some_and(|at| at.elapsed() < span);
        within(failed, COOL_DOWN) || within(standing.behind, BEHIND)
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        // Nothing panics while the lock is held, and a poisoned standing would still be a standing.
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
