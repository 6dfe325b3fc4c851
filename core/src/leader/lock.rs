use std::time::Duration;

use futures::future::BoxFuture;

/// A lock that one process at a time holds, for a while.
pub trait Lock: Send + Sync {
    /// Takes the lock if it is free, under an epoch of at least `least`. A lock that is found in the own name is taken anew, under
    /// a new token: what an earlier tenure of this process knew may be out of date.
    fn acquire(&self, least: u64) -> BoxFuture<'_, Result<Attempt, LockError>>;

    /// Prolongs a tenure, and notes an epoch that is higher than its own. `None` when the lock has another token: it is lost.
    fn renew<'a>(&'a self, hold: &'a Hold, epoch: u64) -> BoxFuture<'a, Result<Option<Hold>, LockError>>;

    /// Gives the lock back, so that nobody has to wait for its end. One that is lost already is left alone.
    fn release<'a>(&'a self, hold: &'a Hold) -> BoxFuture<'a, Result<(), LockError>>;
}

/// A tenure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// What tells this tenure from every other.
    pub token: String,
    /// Counts tenures; higher than that of every tenure before, as far as this lock knows.
    pub epoch: u64,
    /// When it ends unless it is renewed, in monotonic time, counted from before the request.
    pub ends: Duration,
}

/// The outcome of trying to take a lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It is ours.
    Taken(Hold),
    /// Somebody else has it.
    Busy {
        /// The highest epoch that this lock knows.
        epoch: u64,
    },
}

/// Why nothing is known about a lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// No answer: it is away, or the way there is cut.
    #[error("no answer about the lock: {0}")]
    Silent(String),
    /// The store has no room for another write. Tenures that are in it can still be renewed.
    #[error("the store of the lock is full: {0}")]
    Full(String),
}
