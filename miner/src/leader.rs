//! The duties of the fleet, done by the one miner that holds its lock. Claims and proofs do not wait for any of them.
//!
//! A duty is a task that ends with the tenure. One that fails is started again after a pause, and ends neither the others nor the
//! process. What duties write to Redis is fenced by the leader's token.

mod balance;
mod blocks;
mod factors;
pub mod funds;
mod health;
pub mod memory;
mod refresh;
pub(crate) mod settlement;
mod supervise;
mod suppliers;

use std::sync::Arc;

use relay_core::chain::{BlockFeed, Chain, ChainError};
use relay_core::keys::KeyRing;
use relay_core::leader::{Candidate, RedisLock, Tenure};
use relay_core::proto::cosmos::base::v1beta1::Coin;
use relay_core::store::{Fence, InstanceId, Store, StoreError};
use relay_core::units::Upokt;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::{LeaderSection, MonitorSection};
use crate::metrics::Metrics;
use crate::status::StatusBoard;

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
    /// Where it says whether it leads.
    pub board: StatusBoard,
    /// The supplier keys, as they are now.
    pub ring: watch::Receiver<Arc<KeyRing>>,
    /// How the leader is found.
    pub leader: LeaderSection,
    /// What it watches.
    pub monitors: MonitorSection,
}

impl Realm {
    /// Shows to people whether this miner leads, and in which epoch.
    fn tell(&self, token: Option<&str>) {
        let epoch = token.and_then(|token| token.parse::<Fence>().ok()).map(|fence| fence.epoch);
        self.board.tell("leader", json!({"leads": token.is_some(), "epoch": epoch}));
    }
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
        realm.tell(None);
        while let Some(token) = elected(&mut tenure, &stop).await {
            let term = Arc::new(Term { realm: realm.clone(), token: token.clone() });
            realm.metrics.cache.leads(true);
            realm.tell(Some(&token));
            let mut duties = begin(&term);
            let over = tenure.wait_for(|tenure| tenure.redis.as_ref() != Some(&token));
            tokio::select! {
                () = stop.cancelled() => {}
                _ = over => {}
            }
            duties.shutdown().await;
            realm.tell(None);
            term.forget();
            realm.metrics.cache.leads(false);
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
        biased;
        () = stop.cancelled() => None,
        elected = tenure.wait_for(|tenure| tenure.redis.is_some()) => elected.ok().and_then(|tenure| tenure.redis.clone()),
    }
}

fn begin(term: &Arc<Term>) -> JoinSet<()> {
    let mut duties = JoinSet::new();
    let mut start = |name, duty: supervise::Duty| {
        duties.spawn(supervise::keep_up(name, duty, Arc::clone(term)));
    };
    let monitors = &term.realm.monitors;
    start("blocks", |term| Box::pin(blocks::feed(term)));
    start("refresh", |term| Box::pin(refresh::refresh(term)));
    start("suppliers", |term| Box::pin(suppliers::keep(term)));
    start("factors", |term| Box::pin(factors::publish(term)));
    if monitors.settlement.enabled {
        start("settlement", |term| Box::pin(settlement::count(term)));
    }
    if monitors.blocks.enabled {
        start("block health", |term| Box::pin(health::watch(term)));
    }
    if monitors.balance.enabled {
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

/// None, and what is no number, is nothing: it is said to be critical rather than good.
fn amount(coin: Option<&Coin>) -> Upokt {
    Upokt(coin.and_then(|coin| coin.amount.parse().ok()).unwrap_or_default())
}
