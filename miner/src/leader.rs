//! The duties of the fleet, done by the one miner that holds its lock. Claims and proofs do not wait for any of them.
//!
//! A duty is a task that ends with the tenure. One that fails is started again after a pause, and ends neither the others nor the
//! process. What duties write to Redis is fenced by the leader's token.

mod balance;
mod blocks;
pub mod funds;
mod supervise;

use std::sync::Arc;

use relay_core::chain::{BlockFeed, Chain, ChainError};
use relay_core::keys::KeyRing;
use relay_core::leader::{Candidate, RedisLock, Tenure};
use relay_core::store::{InstanceId, Store, StoreError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::{LeaderSection, MonitorSection};
use crate::metrics::Metrics;

/// What duties work with.
#[derive(Clone)]
pub struct Realm {
    /// The shared state.
    pub store: Store,
    /// The chain.
    pub chain: Chain,
    /// Its blocks.
    pub feed: BlockFeed,
    /// Counters.
    pub metrics: Metrics,
    /// The supplier keys, as they are now.
    pub ring: watch::Receiver<Arc<KeyRing>>,
    /// How the leader is found.
    pub leader: LeaderSection,
    /// What it watches.
    pub monitors: MonitorSection,
}

/// One tenure.
struct Term {
    realm: Realm,
    /// What fences its writes.
    token: String,
}

/// Why a duty failed.
#[derive(Debug, thiserror::Error)]
enum DutyError {
    /// The shared state did not answer or refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain did not answer.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A miner's part in the fleet: it leads when it may.
pub struct Leader {
    realm: Realm,
    candidate: Candidate,
    tenure: watch::Receiver<Tenure>,
}

impl Leader {
    /// A candidate of this name.
    #[must_use]
    pub fn new(realm: Realm, name: &str, instance: InstanceId) -> Self {
        let lock = RedisLock::new(realm.store.clone(), instance, realm.leader.ttl.0);
        let observer = realm.metrics.leader.observer(name);
        let clock = realm.store.clock();
        let (candidate, tenure) = Candidate::new(None, Box::new(lock), realm.leader.times(), clock, observer);
        Self { realm, candidate, tenure }
    }

    /// What this miner leads, as it changes.
    #[must_use]
    pub fn tenure(&self) -> watch::Receiver<Tenure> {
        self.tenure.clone()
    }

    /// Leads when it may until told to stop; then duties end first, and the lock is given back.
    pub async fn run(self, stop: CancellationToken) {
        let Self { realm, candidate, mut tenure } = self;
        let standing = CancellationToken::new();
        let candidacy = tokio::spawn(candidate.run(standing.clone()));
        while let Some(token) = elected(&mut tenure, &stop).await {
            let term = Arc::new(Term { realm: realm.clone(), token: token.clone() });
            let mut duties = begin(&term);
            let over = tenure.wait_for(|tenure| tenure.redis.as_ref() != Some(&token));
            tokio::select! {
                () = stop.cancelled() => {}
                _ = over => {}
            }
            duties.shutdown().await;
            term.forget();
        }
        standing.cancel();
        if let Err(error) = candidacy.await {
            warn!(%error, "the candidate's task failed");
        }
    }
}

/// Waits until this miner leads. `None` when told to stop meanwhile.
async fn elected(tenure: &mut watch::Receiver<Tenure>, stop: &CancellationToken) -> Option<String> {
    tokio::select! {
        () = stop.cancelled() => None,
        elected = tenure.wait_for(|tenure| tenure.redis.is_some()) => elected.ok().and_then(|tenure| tenure.redis.clone()),
    }
}

fn begin(term: &Arc<Term>) -> JoinSet<()> {
    let mut duties = JoinSet::new();
    let mut start = |name, duty: supervise::Duty| {
        duties.spawn(supervise::keep_up(name, duty, Arc::clone(term)));
    };
    start("blocks", |term| Box::pin(blocks::feed(term)));
    if term.realm.monitors.balance.enabled {
        start("balance", |term| Box::pin(balance::watch(term)));
    }
    duties
}

impl Term {
    /// Takes down what only a leader shows.
    fn forget(&self) {
        for supplier in self.realm.ring.borrow().addresses() {
            self.realm.metrics.monitors.balance.forget(supplier);
        }
    }
}
