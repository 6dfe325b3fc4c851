use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lets so many through a second, and as many at once after a pause.
#[derive(Debug)]
pub(super) struct Bucket {
    rate: f64,
    /// What is left, and when that was.
    left: Mutex<(f64, Instant)>,
}

impl Bucket {
    pub(super) fn new(rate: u32, now: Instant) -> Self {
        Self { rate: f64::from(rate), left: Mutex::new((f64::from(rate), now)) }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&self, now: Instant) -> bool {
        let mut state = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, since) = *state;
        let left = (left + now.saturating_duration_since(since).as_secs_f64() * self.rate).min(self.rate);
        let taken = left >= 1.0;
        *state = (if taken { left - 1.0 } else { left }, since.max(now));
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_rate_holds_with_a_burst_of_one_second() {
        let start = Instant::now();
        let bucket = Bucket::new(3, start);
        let takes = |at: Duration| (0..10).filter(|_| bucket.take(start + at)).count();
        assert_eq!(takes(Duration::ZERO), 3);
        assert_eq!(takes(Duration::from_millis(300)), 0);
        assert_eq!(takes(Duration::from_millis(340)), 1);
        assert_eq!(takes(Duration::from_mins(1)), 3, "a long pause gives one second's worth");
        assert_eq!(takes(Duration::ZERO), 0, "a clock that went back gives nothing");
    }
}
