use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use relay_core::address::Address;
use relay_core::store::{Append, Confirmation, Stamp};

use super::marks::Hold;

/// Relays that Redis has, but could lose with its last seconds. Oldest first.
#[derive(Debug)]
pub(super) struct Retained {
    capacity: usize,
    batches: Mutex<Batches>,
}

#[derive(Debug, Default)]
struct Batches {
    bytes: usize,
    queue: VecDeque<Batch>,
}

/// What one append wrote.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) supplier: Address,
    pub(super) stamp: Stamp,
    pub(super) relays: Vec<(Append, Hold)>,
}

impl Batch {
    fn bytes(&self) -> usize {
        self.relays.iter().map(|(append, _)| append.relay.len()).sum()
    }
}

impl Retained {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, batches: Mutex::default() }
    }

    pub(super) fn keep(&self, batch: Batch) {
        let mut batches = self.lock();
        batches.bytes += batch.bytes();
        batches.queue.push_back(batch);
    }

    /// Whether it holds more than it should: then appends wait for confirmations.
    pub(super) fn is_full(&self) -> bool {
        self.lock().bytes > self.capacity
    }

    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Forgets what is durable, and gives back what has to be written again.
    pub(super) fn review(&self, judge: impl Fn(&Stamp) -> Confirmation) -> Vec<Batch> {
        let mut batches = self.lock();
        let mut doubtful = Vec::new();
        let mut kept = VecDeque::with_capacity(batches.queue.len());
        for batch in std::mem::take(&mut batches.queue) {
            match judge(&batch.stamp) {
                Confirmation::Durable => {}
                Confirmation::Doubtful => doubtful.push(batch),
                Confirmation::Waiting => kept.push_back(batch),
            }
        }
        batches.bytes = kept.iter().map(Batch::bytes).sum();
        batches.queue = kept;
        doubtful
    }

    fn lock(&self) -> MutexGuard<'_, Batches> {
        self.batches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
