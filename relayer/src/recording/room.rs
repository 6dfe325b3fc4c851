use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::marks::Hold;

/// Memory for relays from admission until they are appended.
#[derive(Debug)]
pub(super) struct Spool {
    capacity: usize,
    used: AtomicUsize,
}

/// A place for one relay. It holds memory of the spool, and its session open for as long as the relay may still come.
#[derive(Debug)]
pub(crate) struct Room {
    spool: Arc<Spool>,
    bytes: usize,
    hold: Hold,
}

impl Spool {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { capacity, used: AtomicUsize::new(0) })
    }

    /// `None` when the spool is full.
    pub(super) fn reserve(self: &Arc<Self>, bytes: usize, hold: Hold) -> Option<Room> {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.capacity);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Room { spool: Arc::clone(self), bytes, hold })
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }
}

impl Room {
    /// Gives the memory back and keeps the session open.
    pub(super) fn hold(&self) -> Hold {
        self.hold.clone()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.spool.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}
