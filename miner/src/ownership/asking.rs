//! What is asked of Redis about leases. Every question is one task that ends within the store's time-outs, so that none waits
//! for another: a renewal never stands behind a take-over.

use std::sync::Arc;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::store::{Acquisition, Fence, InstanceId, LEASES_A_ROUND, Lease, Member, Store, StoreError};
use relay_core::units::Height;
use tokio::task::JoinSet;
use tracing::warn;

use super::work::Work;

/// An answer of Redis.
pub(super) enum Answer {
    Members(Result<Vec<Member>, StoreError>),
    Renewed { asked: Vec<Lease>, outcome: Result<Vec<Option<Lease>>, StoreError> },
    Acquired { asked: Vec<Address>, outcome: Result<Vec<Acquisition>, StoreError> },
    Holders { asked: Vec<Address>, outcome: Result<Vec<Option<Fence>>, StoreError> },
    Released { leases: Vec<Lease>, outcome: Result<(), StoreError> },
    Deadlines { asked: Vec<Address>, outcome: Result<Vec<Option<Height>>, StoreError> },
}

/// Questions under way.
pub(super) struct Asking<W> {
    store: Store,
    me: InstanceId,
    name: String,
    work: Arc<W>,
    tasks: JoinSet<Answer>,
    members: usize,
    renewals: usize,
    acquisitions: usize,
}

impl<W: Work> Asking<W> {
    pub(super) fn new(store: Store, me: InstanceId, name: String, work: Arc<W>) -> Self {
        Self { store, me, name, work, tasks: JoinSet::new(), members: 0, renewals: 0, acquisitions: 0 }
    }

    pub(super) fn is_renewing(&self) -> bool {
        self.renewals > 0
    }

    pub(super) fn is_acquiring(&self) -> bool {
        self.acquisitions > 0
    }

    pub(super) fn is_looking_at_members(&self) -> bool {
        self.members > 0
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Says that we live, and asks who else does.
    pub(super) fn attend(&mut self) {
        let (store, me, name) = (self.store.clone(), self.me.clone(), self.name.clone());
        self.members += 1;
        self.tasks.spawn(async move { Answer::Members(store.attend(&me, &name).await) });
    }

    /// Asks who lives.
    pub(super) fn glance(&mut self) {
        let store = self.store.clone();
        self.members += 1;
        self.tasks.spawn(async move { Answer::Members(store.members().await) });
    }

    pub(super) fn renew(&mut self, leases: &[Lease]) {
        for chunk in leases.chunks(LEASES_A_ROUND) {
            let (store, asked) = (self.store.clone(), chunk.to_vec());
            self.renewals += 1;
            self.tasks.spawn(async move {
                let outcome = store.renew(&asked).await;
                Answer::Renewed { asked, outcome }
            });
        }
    }

    pub(super) fn acquire(&mut self, suppliers: &[Address]) {
        for chunk in suppliers.chunks(LEASES_A_ROUND) {
            let (store, me, asked) = (self.store.clone(), self.me.clone(), chunk.to_vec());
            self.acquisitions += 1;
            self.tasks.spawn(async move {
                let outcome = store.acquire_all(&asked, &me).await;
                Answer::Acquired { asked, outcome }
            });
        }
    }

    pub(super) fn look_at(&mut self, suppliers: &[Address]) {
        for chunk in suppliers.chunks(LEASES_A_ROUND) {
            let (store, asked) = (self.store.clone(), chunk.to_vec());
            self.tasks.spawn(async move {
                let outcome = store.holders(&asked).await;
                Answer::Holders { asked, outcome }
            });
        }
    }

    pub(super) fn release(&mut self, leases: &[Lease]) {
        for chunk in leases.chunks(LEASES_A_ROUND) {
            let (store, leases) = (self.store.clone(), chunk.to_vec());
            self.tasks.spawn(async move {
                let outcome = store.release(&leases).await;
                Answer::Released { leases, outcome }
            });
        }
    }

    pub(super) fn deadlines(&mut self, suppliers: &[Address]) {
        for chunk in suppliers.chunks(LEASES_A_ROUND) {
            let (work, asked) = (self.work.clone(), chunk.to_vec());
            self.tasks.spawn(async move {
                let outcome = work.deadlines(&asked).await;
                Answer::Deadlines { asked, outcome }
            });
        }
    }

    /// Takes us off the list of those who live. `false` when Redis did not say so in time.
    pub(super) async fn leave(&self, patience: Duration) -> bool {
        matches!(tokio::time::timeout(patience, self.store.leave(&self.me)).await, Ok(Ok(())))
    }

    /// The next answer; never one while nothing is asked.
    pub(super) async fn answer(&mut self) -> Answer {
        loop {
            match self.tasks.join_next().await {
                None => std::future::pending().await,
                // No answer will come. Which question it was is unknown, and one too many does no harm.
                Some(Err(error)) => {
                    warn!(%error, "a question about leases failed");
                    (self.members, self.renewals, self.acquisitions) = (0, 0, 0);
                }
                Some(Ok(answer)) => {
                    match &answer {
                        Answer::Members(_) => self.members = self.members.saturating_sub(1),
                        Answer::Renewed { .. } => self.renewals = self.renewals.saturating_sub(1),
                        Answer::Acquired { .. } => self.acquisitions = self.acquisitions.saturating_sub(1),
                        _ => {}
                    }
                    return answer;
                }
            }
        }
    }
}
