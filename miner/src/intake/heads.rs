//! How far the logs of all owned suppliers have grown, asked for once for the whole process.

mod poller;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use relay_core::address::Address;
use relay_core::store::{SessionSummary, SupplierHeads};
use tokio::sync::{Notify, watch};

pub use poller::HeadPoller;

/// The newest heads of the suppliers that somebody subscribed to. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Heads(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    board: Mutex<Board>,
    /// Told when the poller should not wait for its time.
    hurry: Notify,
}

#[derive(Debug, Default)]
struct Board {
    subscriptions: BTreeMap<u64, Subscriber>,
    next: u64,
}

#[derive(Debug)]
struct Subscriber {
    supplier: Address,
    heads: watch::Sender<Option<Arc<[SessionSummary]>>>,
    near_close: bool,
}

/// The heads of one supplier, until this is dropped.
#[derive(Debug)]
pub struct Subscription {
    shared: Arc<Shared>,
    number: u64,
    near_close: bool,
    heads: watch::Receiver<Option<Arc<[SessionSummary]>>>,
}

impl Heads {
    /// Asks for a supplier from now on. The first answer was given after this call.
    #[must_use]
    pub fn subscribe(&self, supplier: &Address) -> Subscription {
        let (sender, heads) = watch::channel(None);
        let mut board = self.0.lock();
        let number = board.next;
        board.next += 1;
        board.subscriptions.insert(number, Subscriber { supplier: supplier.clone(), heads: sender, near_close: false });
        self.0.hurry.notify_one();
        Subscription { shared: self.0.clone(), number, near_close: false, heads }
    }

    /// The suppliers to ask for, and the number that the next subscription will have. `fresh` leaves out those that got an
    /// answer already.
    fn wanted(&self, fresh: bool) -> (Vec<Address>, u64) {
        let board = self.0.lock();
        let wanted: BTreeSet<&Address> = board
            .subscriptions
            .values()
            .filter(|subscriber| !fresh || subscriber.heads.borrow().is_none())
            .map(|subscriber| &subscriber.supplier)
            .collect();
        (wanted.into_iter().cloned().collect(), board.next)
    }

    /// Whether a session of anybody's is about to be closed or drained.
    fn is_near_close(&self) -> bool {
        self.0.lock().subscriptions.values().any(|subscriber| subscriber.near_close)
    }

    /// Hands answers out to those who subscribed before they were asked for; `next` is what [`Self::wanted`] gave then.
    fn publish(&self, answers: Vec<SupplierHeads>, next: u64) {
        let answers: BTreeMap<Address, Arc<[SessionSummary]>> =
            answers.into_iter().map(|heads| (heads.supplier, heads.sessions.into())).collect();
        let board = self.0.lock();
        for subscriber in board.subscriptions.range(..next).map(|(_, subscriber)| subscriber) {
            let Some(answer) = answers.get(&subscriber.supplier) else { continue };
            subscriber.heads.send_if_modified(|heads| {
                let is_news = heads.as_ref() != Some(answer);
                if is_news {
                    *heads = Some(answer.clone());
                }
                is_news
            });
        }
    }
}

impl Subscription {
    /// Returns when there is something new. Never when the poller has ended.
    pub async fn changed(&mut self) {
        if self.heads.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The newest answer, noted as seen. `None` before the first one.
    pub fn latest(&mut self) -> Option<Arc<[SessionSummary]>> {
        self.heads.borrow_and_update().clone()
    }

    /// Whether there was an answer yet. Does not note it as seen.
    #[must_use]
    pub fn has_answer(&self) -> bool {
        self.heads.borrow().is_some()
    }

    /// Says whether a session is about to be closed or drained, so that its last relays are asked for more often.
    pub fn set_near_close(&mut self, near_close: bool) {
        if self.near_close == near_close {
            return;
        }
        self.near_close = near_close;
        if let Some(subscriber) = self.shared.lock().subscriptions.get_mut(&self.number) {
            subscriber.near_close = near_close;
        }
        if near_close {
            self.shared.hurry.notify_one();
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.lock().subscriptions.remove(&self.number);
    }
}

impl Shared {
    /// Nothing panics while this lock is held, and what it guards is whole at any time.
    fn lock(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
