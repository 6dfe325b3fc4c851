use std::time::Duration;

use relay_core::store::{Store, StoreError};
use relay_core::telemetry::Beat;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::Heads;
use crate::config::IntakeSection;
use crate::metrics::IntakeMetrics;

/// Suppliers that are taken over together are asked for together.
const GATHER: Duration = Duration::from_millis(10);

/// Asks Redis for the heads of all suppliers that somebody subscribed to.
///
/// A round is one pipelined command for each 200 suppliers, whatever the number of their relays. Without an answer everybody
/// keeps what they have.
pub struct HeadPoller {
    store: Store,
    heads: Heads,
    every: Duration,
    every_near_close: Duration,
    metrics: IntakeMetrics,
    answered: Instant,
    failing: bool,
}

impl HeadPoller {
    /// Nothing is asked for yet.
    #[must_use]
    pub fn new(store: Store, heads: Heads, section: &IntakeSection, metrics: IntakeMetrics) -> Self {
        Self {
            store,
            heads,
            every: section.poll.0,
            every_near_close: section.poll_near_close.0,
            metrics,
            answered: Instant::now(),
            failing: false,
        }
    }

    /// Asks until told to stop.
    pub async fn run(mut self, beat: Beat, stop: CancellationToken) {
        let mut last = Instant::now();
        let mut everybody = true;
        loop {
            beat.tick();
            if everybody {
                last = Instant::now();
            }
            let outcome = self.round(!everybody).await;
            self.note(outcome);
            if everybody && last.elapsed() > self.pace() {
                self.metrics.polls_late.inc();
            }
            everybody = tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep_until(last + self.pace()) => true,
                () = self.heads.0.hurry.notified() => {
                    tokio::time::sleep(GATHER).await;
                    last.elapsed() >= self.pace()
                }
            };
        }
    }

    /// Asks for everybody, or for those who never got an answer.
    async fn round(&self, fresh: bool) -> Result<(), StoreError> {
        let (suppliers, next) = self.heads.wanted(fresh);
        if suppliers.is_empty() {
            return Ok(());
        }
        let refusal = match self.store.poll(&suppliers).await {
            Ok(answers) => {
                self.heads.publish(answers, next);
                return Ok(());
            }
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => error,
        };
        // Somebody's keys cannot be read. Asked one by one, all others get their answers.
        for supplier in suppliers {
            match self.store.poll(std::slice::from_ref(&supplier)).await {
                Ok(answers) => self.heads.publish(answers, next),
                Err(error) => debug!(%supplier, %error, "how far the logs of a supplier have grown cannot be read"),
            }
        }
        Err(refusal)
    }

    fn pace(&self) -> Duration {
        if self.heads.is_near_close() { self.every_near_close } else { self.every }
    }

    fn note(&mut self, outcome: Result<(), StoreError>) {
        match outcome {
            Ok(()) => {
                self.answered = Instant::now();
                if std::mem::take(&mut self.failing) {
                    info!("logs are asked for again");
                }
            }
            Err(error) => {
                self.metrics.polls_failed.inc();
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(%error, "how far logs have grown is unknown for now; nothing in memory changes");
                }
            }
        }
        let silence = self.answered.elapsed().as_secs();
        self.metrics.heads_age.set(i64::try_from(silence).unwrap_or(i64::MAX));
    }
}
