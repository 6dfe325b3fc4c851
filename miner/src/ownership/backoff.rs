//! How long to leave a supplier alone whose owner failed.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Doubles with each failure in a row, up to a minute.
#[derive(Debug, Clone, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Duration,
}

impl Backoff {
    /// Notes a failure. `jitter` is between 0 and 1: suppliers that failed together do not all come back together.
    pub(super) fn failed(&mut self, now: Duration, jitter: f64) {
        let wait = SHORTEST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.until = now + wait.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
    }

    /// Forgets all failures.
    pub(super) fn worked(&mut self) {
        *self = Self::default();
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        now >= self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_minute_and_starts_anew_after_a_success() {
        let mut backoff = Backoff::default();
        assert!(backoff.is_over(Duration::ZERO));
        let mut waits = Vec::new();
        for _ in 0..40 {
            backoff.failed(Duration::ZERO, 1.0);
            waits.push(backoff.until.as_secs());
        }
        assert_eq!(waits[..8], [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(waits[39], 60);
        assert!(!backoff.is_over(Duration::from_secs(59)));
        backoff.worked();
        assert!(backoff.is_over(Duration::ZERO));
    }

    #[test]
    fn jitter_takes_off_at_most_half() {
        for (jitter, expected) in [(0.0, 500), (0.5, 750), (1.0, 1_000), (7.0, 1_000)] {
            let mut backoff = Backoff::default();
            backoff.failed(Duration::ZERO, jitter);
            assert_eq!(backoff.until, Duration::from_millis(expected));
        }
    }
}
