//! What owners had in memory when they lost their leases. It is used again when nobody else was in between.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::store::Fence;

/// Says how much memory something takes, roughly.
pub trait Weighs {
    /// Bytes.
    fn bytes(&self) -> usize;
}

impl Weighs for () {
    fn bytes(&self) -> usize {
        0
    }
}

/// What is kept, by supplier; the oldest goes when there is too much.
pub(super) struct Kept<M> {
    most: usize,
    most_bytes: usize,
    all: BTreeMap<Address, One<M>>,
}

struct One<M> {
    fence: Fence,
    at: Duration,
    memory: M,
}

impl<M: Weighs> Kept<M> {
    pub(super) fn new(most: usize, most_bytes: usize) -> Self {
        Self { most, most_bytes, all: BTreeMap::new() }
    }

    /// Keeps what the tenure of `fence` left behind.
    pub(super) fn put(&mut self, supplier: Address, fence: Fence, memory: M, now: Duration) {
        self.all.insert(supplier, One { fence, at: now, memory });
        while self.all.len() > self.most || self.bytes() > self.most_bytes {
            let oldest = self.all.iter().min_by_key(|(_, one)| one.at).map(|(supplier, _)| supplier.clone());
            let Some(oldest) = oldest else { return };
            self.all.remove(&oldest);
        }
    }

    /// What is left of the tenure right before this one. What is left of an earlier one is thrown away.
    pub(super) fn take(&mut self, supplier: &Address, fence: &Fence) -> Option<M> {
        self.all.remove(supplier).filter(|one| fence.continues(&one.fence)).map(|one| one.memory)
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }

    fn bytes(&self) -> usize {
        self.all.values().map(|one| one.memory.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Weighs for usize {
        fn bytes(&self) -> usize {
            *self
        }
    }

    fn supplier(number: u8) -> Address {
        Address::from_payload(&[number; 20]).unwrap()
    }

    fn fence(text: &str) -> Fence {
        text.parse().unwrap()
    }

    #[test]
    fn only_the_tenure_right_after_gets_it_and_only_once() {
        let mut kept = Kept::new(10, 1_000);
        let at = Duration::ZERO;
        for (next, expected) in [("me/6/c", Some(7)), ("me/7/c", None), ("you/6/c", None), ("me/5/b", None)] {
            kept.put(supplier(1), fence("me/5/a"), 7, at);
            assert_eq!(kept.take(&supplier(1), &fence(next)), expected, "{next}");
            assert_eq!(kept.take(&supplier(1), &fence("me/6/c")), None);
        }
    }

    // rule: H-31
    #[test]
    fn the_oldest_goes_when_there_is_too_much() {
        let mut kept = Kept::new(3, 100);
        for number in 0..4 {
            kept.put(supplier(number), fence("me/1/a"), 10, Duration::from_secs(u64::from(number)));
        }
        assert_eq!(kept.take(&supplier(0), &fence("me/2/b")), None, "too many");
        kept.put(supplier(4), fence("me/1/a"), 85, Duration::from_secs(4));
        assert_eq!(kept.bytes(), 95, "too much");
        assert_eq!(kept.take(&supplier(3), &fence("me/2/b")), Some(10));
        kept.put(supplier(5), fence("me/1/a"), 101, Duration::from_secs(5));
        assert_eq!(kept.bytes(), 0, "what is too large alone is not kept");
    }
}
