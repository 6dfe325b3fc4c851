use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So many failed connections in a row make a backend unhealthy.
const TOLERATED: u64 = 3;
/// After this long an unhealthy backend counts as healthy again, so that there is always a way back.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// What the last connections say about a backend.
#[derive(Debug)]
pub(super) struct Health {
    started: Instant,
    failures: AtomicU64,
    last_failure: AtomicU64,
}

impl Default for Health {
    fn default() -> Self {
        Self { started: Instant::now(), failures: AtomicU64::new(0), last_failure: AtomicU64::new(0) }
    }
}

impl Health {
    pub(super) fn good(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    pub(super) fn bad(&self) {
        self.last_failure.store(self.now(), Ordering::Relaxed);
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn is_good(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < TOLERATED
            || self.now().saturating_sub(self.last_failure.load(Ordering::Relaxed)) > milliseconds(TRY_AGAIN)
    }

    fn now(&self) -> u64 {
        milliseconds(self.started.elapsed())
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
