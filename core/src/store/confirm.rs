//! When may a relayer forget a relay that it appended?

use std::time::Duration;

use super::{Incarnation, Store};

/// When, and in which Redis, something was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The one that was current before it was sent; an answer of its successor then counts as doubtful, never the reverse.
    incarnation: Incarnation,
    /// Monotonic time of the answer.
    answered_at: Duration,
}

/// What is known about something that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// It is there, but perhaps not on disk yet: ask again in a while.
    Waiting,
    /// It is on disk.
    Durable,
    /// Redis is another one than when it was written: write it again.
    Doubtful,
}

impl Store {
    /// Whether what was written then is safe from the loss of Redis' tail.
    ///
    /// Durable means: confirmed by Redis (7.2 and later), or older than `confirm_after` on a Redis that was seen unchanged and
    /// with a healthy append-only file since.
    #[must_use]
    pub fn confirmation(&self, stamp: &Stamp) -> Confirmation {
        // In this order: the watcher writes the incarnation first, so a time of a new one is never paired with the old.
        let durable = self.shared.watcher.durable_up_to();
        if *self.shared.watcher.incarnation().borrow() != stamp.incarnation {
            Confirmation::Doubtful
        } else if stamp.answered_at <= durable {
            Confirmation::Durable
        } else {
            Confirmation::Waiting
        }
    }

    /// The incarnation to put into a stamp, taken before a write is sent.
    pub(super) fn before_write(&self) -> Incarnation {
        self.shared.watcher.incarnation().borrow().clone()
    }

    /// The stamp of a write that was just answered.
    pub(super) fn after_write(&self, incarnation: Incarnation) -> Stamp {
        Stamp { incarnation, answered_at: self.clock().monotonic() }
    }
}
