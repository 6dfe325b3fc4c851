//! Remembers, in a fixed amount of memory, which rings were seen lately.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU32, Ordering};

const SLOTS: usize = 1 << 14;

/// One fingerprint a slot; rings that share a slot push each other out. 64 KiB.
#[derive(Debug)]
pub(super) struct Sightings {
    hasher: RandomState,
    slots: Box<[AtomicU32]>,
}

impl Sightings {
    pub(super) fn new() -> Self {
        let slots = std::iter::repeat_with(|| AtomicU32::new(0)).take(SLOTS).collect();
        Self { hasher: RandomState::new(), slots }
    }

    /// Whether this was seen before and is still remembered. A wrong yes has probability 2⁻³² and costs one early table.
    pub(super) fn again(&self, seen: impl Hash, now: u64) -> bool {
        let hash = self.hasher.hash_one(seen);
        let [high, low] = [hash >> 32, hash & 0xffff_ffff].map(|half| u32::try_from(half).unwrap_or(0));
        let fingerprint = high | 1;
        let Some(slot) = usize::try_from(low).ok().and_then(|low| self.slots.get(low % SLOTS)) else { return false };
        let remembered = slot.load(Ordering::Relaxed);
        if remembered == fingerprint {
            return true;
        }
        // Two rings in turn would push each other out for ever, so every other newcomer, irregularly, is not remembered.
        if remembered == 0 || self.hasher.hash_one(now) & 1 == 0 {
            slot.store(fingerprint, Ordering::Relaxed);
        }
        false
    }
}
