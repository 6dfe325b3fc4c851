use std::sync::atomic::Ordering;
use std::time::Duration;

use relay_core::chain::BlockFeed;
use relay_core::telemetry::Beat;
use relay_core::units::Height;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::append::Item;
use super::publisher::{Publisher, REVIEW};

/// Marks are written this often; an instance that is silent for longer than the store's `dead_after` counts as dead.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How often the end of a flush is looked for.
const FLUSH_LOOK: Duration = Duration::from_millis(20);

impl Publisher {
    /// Forgets what is durable, and appends again what Redis may have lost.
    pub(super) fn review(&self) {
        let doubtful = self.0.retained.review(|stamp| self.0.store.confirmation(stamp));
        for batch in doubtful {
            tracing::warn!(supplier = %batch.supplier, relays = batch.relays.len(), "Redis may have lost relays: appending them again");
            for (append, hold) in batch.relays {
                self.push(&batch.supplier, append.relay.len(), Item::Again(append, hold));
            }
        }
    }

    /// Keeps marks fresh and forgets what is durable, until `stop`.
    pub(crate) async fn keep_watch(&self, feed: BlockFeed, beat: Beat, stop: CancellationToken) {
        let mut next_heartbeat = Instant::now() + HEARTBEAT;
        while !stop.is_cancelled() {
            beat.tick();
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(REVIEW) => {}
            }
            self.review();
            if Instant::now() >= next_heartbeat {
                next_heartbeat = Instant::now() + HEARTBEAT;
                self.write_marks(feed.height()).await;
            }
            if self.0.store.is_reachable() && self.0.lanes.is_idle() {
                // Nothing waits and Redis answers: strict recording may try again.
                self.0.stuck.store(false, Ordering::Relaxed);
            }
        }
    }

    async fn write_marks(&self, height: Height) {
        let _turn = self.0.marking.lock().await;
        let marks = self.0.marks.current(height);
        if marks.is_empty() {
            return;
        }
        // Counted from before the request, so that it is no later than in Redis.
        let asked = self.0.store.clock().monotonic();
        match self.0.store.put_pending(&self.0.instance, &marks).await {
            Ok(()) => {
                self.0.marks.wrote(&marks);
                let milliseconds = u64::try_from(asked.as_millis()).unwrap_or(u64::MAX);
                self.0.marked_at.store(milliseconds, Ordering::Release);
            }
            Err(error) => tracing::debug!(%error, "pending marks cannot be written; trying again"),
        }
    }

    /// Waits until everything is recorded and durable, or until the deadline. Then takes the marks back.
    pub(crate) async fn flush(&self, deadline: Instant) -> bool {
        let empty = loop {
            self.review();
            if self.0.lanes.is_idle() && self.0.retained.bytes() == 0 {
                break true;
            }
            if Instant::now() >= deadline {
                break false;
            }
            tokio::time::sleep(FLUSH_LOOK).await;
        };
        if empty {
            let marks: Vec<_> =
                self.0.marks.current(Height(i64::MAX)).into_iter().map(|(who, _)| (who, None)).collect();
            // Without it the marks age out by themselves.
            if let Err(error) = self.0.store.put_pending(&self.0.instance, &marks).await {
                tracing::warn!(%error, "pending marks cannot be taken back; they expire by themselves");
            }
        }
        empty
    }
}
