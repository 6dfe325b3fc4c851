use std::collections::VecDeque;
use std::time::Duration;

use super::super::time::ChainTime;
use crate::units::Height;

const SAMPLES: usize = 21;

/// The time between blocks, from their headers.
pub(super) struct Pace {
    assumed: Duration,
    last: Option<(Height, ChainTime)>,
    spans: VecDeque<Duration>,
}

impl Pace {
    pub(super) fn new(assumed: Duration) -> Self {
        Self { assumed, last: None, spans: VecDeque::with_capacity(SAMPLES) }
    }

    pub(super) fn note(&mut self, height: Height, time: ChainTime) {
        if let Some((before, then)) = self.last
            && height == before + 1
        {
            if self.spans.len() == SAMPLES {
                self.spans.pop_front();
            }
            self.spans.push_back(time.since(then));
        }
        self.last = Some((height, time));
    }

    /// The median: one halt of the chain does not change it.
    pub(super) fn estimate(&self) -> Duration {
        let mut sorted: Vec<Duration> = self.spans.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or(self.assumed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_halt_does_not_change_the_estimate() {
        let mut pace = Pace::new(Duration::from_secs(30));
        assert_eq!(pace.estimate(), Duration::from_secs(30));
        let mut time = ChainTime(0);
        for height in 1..10 {
            time = time + Duration::from_secs(if height == 5 { 3600 } else { 60 });
            pace.note(Height(height), time);
        }
        assert_eq!(pace.estimate(), Duration::from_mins(1));
    }

    #[test]
    fn old_spans_are_forgotten() {
        let mut pace = Pace::new(Duration::from_secs(30));
        let mut time = ChainTime(0);
        for height in 1..200 {
            time = time + Duration::from_secs(if height < 100 { 60 } else { 2 });
            pace.note(Height(height), time);
        }
        assert_eq!(pace.estimate(), Duration::from_secs(2));
        assert_eq!(pace.spans.len(), SAMPLES);
    }
}
