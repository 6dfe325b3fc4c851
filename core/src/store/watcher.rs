//! Keeps an eye on Redis: is it still the same, does it answer, how far are writes durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::warn;

use super::durability::{Barrier, Syncing};
use super::incarnation::{Incarnation, Looker};
use super::{StoreConfig, StoreError};
use crate::clock::Clock;

const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After a broken connection, looks come at most this often.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);

/// A task that looks every two seconds and after every broken connection. It ends with this value.
#[derive(Debug)]
pub(super) struct Watcher {
    eye: Arc<Eye>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Eye {
    looker: Looker,
    clock: Clock,
    confirm_after: Duration,
    barrier: Arc<Barrier>,
    incarnation: watch::Sender<Incarnation>,
    /// Monotonic times, in microseconds. Written after the incarnation that they belong to.
    heard: AtomicU64,
    durable: AtomicU64,
}

impl Watcher {
    /// Looks once, then goes on in the background.
    pub(super) async fn start(
        looker: Looker,
        barrier: Arc<Barrier>,
        config: &StoreConfig,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        let asked_at = clock.monotonic();
        let sight = looker.look().await?;
        let eye = Arc::new(Eye {
            looker,
            clock,
            confirm_after: config.confirm_after.0,
            barrier,
            incarnation: watch::Sender::new(sight.incarnation),
            heard: AtomicU64::new(micros(asked_at)),
            durable: AtomicU64::new(0),
        });
        let watching = eye.clone();
        let task = tokio::spawn(async move {
            tokio::join!(watching.keep_looking(), watching.keep_confirming());
        });
        Ok(Self { eye, task })
    }

    /// A look out of turn.
    pub(super) async fn look(&self) -> Result<Incarnation, StoreError> {
        self.eye.look().await
    }

    pub(super) fn incarnation(&self) -> watch::Receiver<Incarnation> {
        self.eye.incarnation.subscribe()
    }

    /// What was written by then, in the incarnation that is current *after* this call, is on disk.
    pub(super) fn durable_up_to(&self) -> Duration {
        Duration::from_micros(self.eye.durable.load(Ordering::Acquire))
    }

    pub(super) fn heard_within(&self, clock: Clock, period: Duration) -> bool {
        let heard = Duration::from_micros(self.eye.heard.load(Ordering::Acquire));
        clock.monotonic().saturating_sub(heard) <= period
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Eye {
    async fn keep_looking(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                () = self.looker.link.broken() => tokio::time::sleep(SHORTEST_PAUSE).await,
            }
            match self.look().await {
                Ok(_) => {}
                Err(error) if error.is_transient() => {}
                Err(error) => warn!(%error, "Redis cannot be watched"),
            }
        }
    }

    /// Beside the looks, because a confirmation may take seconds.
    async fn keep_confirming(&self) {
        while self.barrier.syncing() == Syncing::Confirmed {
            tokio::time::sleep(LOOK_EVERY).await;
            self.confirm().await;
        }
    }

    async fn look(&self) -> Result<Incarnation, StoreError> {
        // No answer of the Sentinels is no reason to doubt the primary that answers.
        let _followed = self.looker.link.follow().await;
        let asked_at = self.clock.monotonic();
        let sight = self.looker.look().await?;
        self.incarnation.send_if_modified(|known| {
            let changed = *known != sight.incarnation;
            if changed {
                warn!(before = %known, now = %sight.incarnation, "Redis is another one than before: it restarted, failed over, or was emptied");
                known.clone_from(&sight.incarnation);
            }
            changed
        });
        self.heard.fetch_max(micros(asked_at), Ordering::AcqRel);
        if sight.calm {
            let durable = match self.barrier.syncing() {
                Syncing::Always => asked_at,
                _ => asked_at.saturating_sub(self.confirm_after),
            };
            self.durable.fetch_max(micros(durable), Ordering::AcqRel);
        }
        Ok(sight.incarnation)
    }

    /// Lets Redis itself say how far writes are durable.
    async fn confirm(&self) {
        let asked_at = self.clock.monotonic();
        let before = self.incarnation.borrow().clone();
        // The answer counts for this incarnation only if it is still there afterwards.
        if self.barrier.wait().await.is_ok() && self.look().await.is_ok_and(|now| now == before) {
            self.durable.fetch_max(micros(asked_at), Ordering::AcqRel);
        }
    }
}

fn micros(moment: Duration) -> u64 {
    u64::try_from(moment.as_micros()).unwrap_or(u64::MAX)
}
