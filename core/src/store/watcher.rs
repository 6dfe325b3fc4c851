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
    /// What is on the disks of the primaries, and what is on those replicas that could take over.
    synced: AtomicU64,
    copied: AtomicU64,
}

impl Watcher {
    /// Looks once, then goes on in the background.
    pub(super) async fn start(
        looker: Looker,
        barrier: Arc<Barrier>,
        config: &StoreConfig,
        clock: Clock,
    ) -> Result<Self, StoreError> {
        if let Some(terms) = looker.link.follow().await? {
            barrier.copies().learn(terms);
        }
        let asked_at = clock.monotonic();
        let sight = looker.look().await?;
        let eye = Arc::new(Eye {
            looker,
            clock,
            confirm_after: config.confirm_after.0,
            barrier,
            incarnation: watch::Sender::new(sight.incarnation),
            heard: AtomicU64::new(micros(asked_at)),
            synced: AtomicU64::new(0),
            copied: AtomicU64::new(0),
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

    /// What was written by then, in the incarnation that is current *after* this call, is on disk, and on replicas where they count.
    pub(super) fn durable_up_to(&self) -> Duration {
        let synced = Duration::from_micros(self.eye.synced.load(Ordering::Acquire));
        if self.eye.barrier.copies().may_count() {
            synced.min(Duration::from_micros(self.eye.copied.load(Ordering::Acquire)))
        } else {
            synced
        }
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
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if self.barrier.syncing() == Syncing::Confirmed || self.barrier.copies().may_count() {
                self.confirm().await;
            }
        }
    }

    async fn look(&self) -> Result<Incarnation, StoreError> {
        // No answer of the Sentinels is no reason to doubt the primary that answers.
        if let Ok(Some(terms)) = self.looker.link.follow().await {
            self.barrier.copies().learn(terms);
        }
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
            let synced = match self.barrier.syncing() {
                Syncing::Always => asked_at,
                _ => asked_at.saturating_sub(self.confirm_after),
            };
            self.synced.fetch_max(micros(synced), Ordering::AcqRel);
        }
        let copied = asked_at.saturating_sub(self.barrier.copies().age());
        self.copied.fetch_max(micros(copied), Ordering::AcqRel);
        Ok(sight.incarnation)
    }

    /// Lets Redis itself say how far writes are durable.
    async fn confirm(&self) {
        let asked_at = self.clock.monotonic();
        let before = self.incarnation.borrow().clone();
        // The answer counts for this incarnation only if it is still there afterwards.
        let Ok(copied) = self.barrier.confirmed().await else { return };
        if self.look().await.is_ok_and(|now| now == before) {
            if self.barrier.syncing() == Syncing::Confirmed {
                self.synced.fetch_max(micros(asked_at), Ordering::AcqRel);
            }
            if copied {
                self.copied.fetch_max(micros(asked_at), Ordering::AcqRel);
            }
        }
    }
}

fn micros(moment: Duration) -> u64 {
    u64::try_from(moment.as_micros()).unwrap_or(u64::MAX)
}
