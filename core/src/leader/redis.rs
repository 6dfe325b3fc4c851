use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};

use super::lock::{Attempt, Hold, Lock, LockError};
use crate::store::{InstanceId, Store, StoreError};

/// The lock in the Redis of a pool.
#[derive(Debug, Clone)]
pub struct RedisLock {
    store: Store,
    instance: InstanceId,
    ttl: Duration,
}

impl RedisLock {
    /// The lock as this process sees it. Every process has an instance id of its own.
    #[must_use]
    pub fn new(store: Store, instance: InstanceId, ttl: Duration) -> Self {
        Self { store, instance, ttl }
    }
}

impl Lock for RedisLock {
    fn acquire(&self, least: u64) -> BoxFuture<'_, Result<Attempt, LockError>> {
        async move {
            let asked_at = self.store.clock().monotonic();
            let (taken, fence) = self.store.acquire_leader(&self.instance, least, self.ttl).await.map_err(explain)?;
            let hold = Hold { token: fence.to_string(), epoch: fence.epoch, ends: asked_at + self.ttl };
            Ok(if taken { Attempt::Taken(hold) } else { Attempt::Busy { epoch: fence.epoch } })
        }
        .boxed()
    }

    fn renew<'a>(&'a self, hold: &'a Hold, _: u64) -> BoxFuture<'a, Result<Option<Hold>, LockError>> {
        async move {
            let asked_at = self.store.clock().monotonic();
            let renewed = self.store.renew_leader(&hold.token, self.ttl).await.map_err(explain)?;
            Ok(renewed.then(|| Hold { ends: asked_at + self.ttl, ..hold.clone() }))
        }
        .boxed()
    }

    fn release<'a>(&'a self, hold: &'a Hold) -> BoxFuture<'a, Result<(), LockError>> {
        async move { self.store.release_leader(&hold.token).await.map_err(explain) }.boxed()
    }
}

fn explain(error: StoreError) -> LockError {
    match error {
        StoreError::Full(_) => LockError::Full(error.to_string()),
        other => LockError::Silent(other.to_string()),
    }
}
