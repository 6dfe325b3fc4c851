use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::config::ConnectionsConfig;

/// The places for requests in progress at a pool's nodes, and a bounded queue in front of them.
#[derive(Debug)]
pub(super) struct Slots {
    places: Arc<Semaphore>,
    queue: Semaphore,
    most: usize,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(super) struct Slot(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// The queue is full, or the wait took too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Busy;

impl Slots {
    pub(super) fn new(config: &ConnectionsConfig) -> Self {
        let most = config.max.clamp(1, Semaphore::MAX_PERMITS);
        let queue = Semaphore::new(config.queue.min(Semaphore::MAX_PERMITS));
        Self { places: Arc::new(Semaphore::new(most)), queue, most }
    }

    /// A place at once, or none.
    pub(super) fn try_take(&self) -> Option<Slot> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(Slot)
    }

    /// A place, when there is one before `deadline` and the queue is not full. Gives how long it was waited for, too.
    pub(super) async fn take(&self, deadline: Instant) -> Result<(Slot, Duration), Busy> {
        if let Some(slot) = self.try_take() {
            return Ok((slot, Duration::ZERO));
        }
        let _queued = self.queue.try_acquire().map_err(|_| Busy)?;
        let began = Instant::now();
        let place = tokio::time::timeout_at(deadline, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| Busy)?.map_err(|_| Busy)?;
        Ok((Slot(place), began.elapsed()))
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    pub(super) fn taken(&self) -> usize {
        self.most.saturating_sub(self.places.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(max: usize, queue: usize) -> Slots {
        Slots::new(&ConnectionsConfig { max, queue, ..ConnectionsConfig::default() })
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_its_wait_measured() {
        let slots = Arc::new(slots(1, 1));
        let late = Instant::now() + Duration::from_mins(1);
        let (first, waited) = slots.take(late).await.unwrap();
        assert_eq!((waited, slots.taken()), (Duration::ZERO, 1));
        let queued = tokio::spawn({
            let slots = Arc::clone(&slots);
            async move { slots.take(late).await }
        });
        while slots.queue.available_permits() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(slots.take(late).await.err(), Some(Busy), "there is one place in the queue");
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(first);
        let (second, waited) = queued.await.unwrap().unwrap();
        assert!(waited >= Duration::from_millis(20) && slots.taken() == 1);
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(slots.take(soon).await.err(), Some(Busy), "nobody waits beyond the deadline");
        drop(second);
        assert_eq!(slots.taken(), 0);
    }
}
