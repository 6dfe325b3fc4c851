use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use relay_core::address::Address;

/// A batch is appended by one script call: few enough that Redis is not held up.
const BATCH_ENTRIES: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// What is queued, by supplier. One batch of a supplier is on its way at a time; meanwhile the next one gathers, so batches
/// grow with the load and no timer is needed.
#[derive(Debug)]
pub(super) struct Lanes<T> {
    lanes: Mutex<HashMap<Address, Lane<T>>>,
}

#[derive(Debug)]
struct Lane<T> {
    queue: VecDeque<(usize, T)>,
}

impl<T> Default for Lanes<T> {
    fn default() -> Self {
        Self { lanes: Mutex::default() }
    }
}

impl<T> Lanes<T> {
    /// Queues an item. `true` when nobody works on this supplier: then the caller has to see to it that somebody does.
    pub(super) fn push(&self, supplier: &Address, bytes: usize, item: T) -> bool {
        let mut lanes = self.lock();
        if let Some(lane) = lanes.get_mut(supplier) {
            lane.queue.push_back((bytes, item));
            return false;
        }
        lanes.insert(supplier.clone(), Lane { queue: VecDeque::from([(bytes, item)]) });
        true
    }

    /// The next batch. When it is empty the lane is gone, and who took it is done.
    pub(super) fn take(&self, supplier: &Address) -> Vec<T> {
        let mut lanes = self.lock();
        let Some(lane) = lanes.get_mut(supplier) else { return Vec::new() };
        let mut batch = Vec::with_capacity(lane.queue.len().min(BATCH_ENTRIES));
        let mut total = 0;
        while batch.len() < BATCH_ENTRIES {
            let Some((bytes, _)) = lane.queue.front() else { break };
            total += bytes;
            if total > BATCH_BYTES && !batch.is_empty() {
                break;
            }
            batch.extend(lane.queue.pop_front().map(|(_, item)| item));
        }
        if batch.is_empty() {
            lanes.remove(supplier);
        }
        batch
    }

    /// Whether nothing is queued or on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Lane<T>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_worker_a_supplier_takes_bounded_batches_in_order() {
        let lanes = Lanes::default();
        let supplier = relay_core::address::SecretKey::from_bytes(&[1; 32]).unwrap().address().clone();
        assert!(lanes.is_idle());
        assert!(lanes.push(&supplier, 1, 0));
        for item in 1..600 {
            assert!(!lanes.push(&supplier, 1, item));
        }
        assert!(!lanes.push(&supplier, BATCH_BYTES, 600));
        assert!(!lanes.push(&supplier, BATCH_BYTES * 2, 601));
        let sizes: Vec<Vec<i32>> = (0..6).map(|_| lanes.take(&supplier)).collect();
        assert_eq!(sizes.iter().map(Vec::len).collect::<Vec<_>>(), [256, 256, 88, 1, 1, 0]);
        assert!(sizes.concat().into_iter().eq(0..602));
        assert!(lanes.is_idle());
        assert!(lanes.push(&supplier, 1, 7));
    }
}
