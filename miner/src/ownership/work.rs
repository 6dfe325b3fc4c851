//! What is done for a supplier while its lease is held. Leases do not care what it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use relay_core::address::Address;
use relay_core::store::StoreError;
use relay_core::units::Height;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Tenure;
use super::memory::Weighs;

/// The work that owning a supplier means.
pub trait Work: Send + Sync + 'static {
    /// What is left in memory when a lease is lost, to go on from.
    type Memory: Weighs + Send + 'static;

    /// For each supplier the height by which something must have been done for it, as far as the shared state tells; `None`
    /// when nothing is open. Who has the nearest one is read in first.
    fn deadlines(&self, suppliers: &[Address]) -> impl Future<Output = Result<Vec<Option<Height>>, StoreError>> + Send;

    /// Works for a supplier until told to stop or until the tenure is over, whichever comes first, and ends soon after.
    fn own(&self, mandate: Mandate<Self::Memory>) -> impl Future<Output = End<Self::Memory>> + Send;

    /// Redis lost its tail, or may have: what it held a moment ago may come back.
    fn redis_changed(&self);
}

/// What the owner of a supplier gets from the one who holds its lease.
pub struct Mandate<M> {
    /// Whom to work for.
    pub supplier: Address,
    /// How long writes are allowed, and under which token.
    pub tenure: Tenure,
    /// Says when to end. Nothing is waited for then: whoever comes next goes on from what is durable.
    pub stop: CancellationToken,
    /// What the tenure before left behind, if it was ours.
    pub memory: Option<M>,
    /// Where to say how it goes.
    pub desk: Desk,
}

/// How work on a supplier ended.
pub enum End<M> {
    /// It was told to stop.
    Stopped,
    /// The lease was lost, or the Redis that it was for; what was in memory may be used again.
    Lost {
        /// What was in memory.
        memory: Option<M>,
        /// Redis refused a write.
        fenced: bool,
    },
    /// It could not go on.
    Failed(String),
}

/// Where the work on a supplier says how it goes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk(Arc<Said>);

#[derive(Debug)]
struct Said {
    caught_up: AtomicBool,
    /// Open sessions; `usize::MAX` while unknown.
    open: AtomicUsize,
    heard: Arc<Notify>,
}

impl Desk {
    pub(super) fn new(heard: Arc<Notify>) -> Self {
        Self(Arc::new(Said { caught_up: AtomicBool::new(false), open: AtomicUsize::new(usize::MAX), heard }))
    }

    /// What was there at the take-over is read in; the next supplier may begin.
    pub fn caught_up(&self) {
        if !self.0.caught_up.swap(true, Ordering::Relaxed) {
            self.0.heard.notify_one();
        }
    }

    /// How many sessions are not over.
    pub fn open_sessions(&self, count: usize) {
        self.0.open.store(count, Ordering::Relaxed);
    }

    pub(super) fn has_caught_up(&self) -> bool {
        self.0.caught_up.load(Ordering::Relaxed)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) == 0
    }
}
