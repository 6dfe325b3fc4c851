//! Watches the time between blocks.

use std::sync::Arc;
use std::time::Duration;

use relay_core::units::Height;
use tracing::{info, warn};

use super::{DutyError, Term};

/// That many slow blocks in a row are worth a word.
const WORTH_A_WORD: u32 = 3;

/// What was seen of the pace of blocks.
#[derive(Debug, Default)]
struct Pace {
    slow_in_a_row: u32,
}

/// What a block tells people.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Nothing,
    Slow,
    Recovered,
}

impl Pace {
    fn note(&mut self, interval: Duration, expected: Duration, slowness: f64) -> Word {
        if interval > expected.mul_f64(slowness) {
            self.slow_in_a_row = self.slow_in_a_row.saturating_add(1);
            return if self.slow_in_a_row == WORTH_A_WORD { Word::Slow } else { Word::Nothing };
        }
        let recovered = self.slow_in_a_row >= WORTH_A_WORD;
        self.slow_in_a_row = 0;
        if recovered { Word::Recovered } else { Word::Nothing }
    }
}

pub(super) async fn watch(term: Arc<Term>) -> Result<(), DutyError> {
    let (feed, settings) = (&term.realm.feed, &term.realm.monitors.blocks);
    let metrics = &term.realm.metrics.monitors.blocks;
    let (mut pace, mut last) = (Pace::default(), feed.reached(Height(1)).await?);
    loop {
        let block = feed.next_after(last.height).await?;
        let interval = block.time.since(last.time);
        let expected = settings.block_time.map_or_else(|| feed.block_time(), |time| time.0);
        let word = pace.note(interval, expected, settings.slowness);
        metrics.seen(block.height, interval, expected, pace.slow_in_a_row);
        match word {
            Word::Nothing => {}
            Word::Slow => warn!(height = %block.height, ?interval, ?expected, "blocks are slow"),
            Word::Recovered => info!(height = %block.height, ?interval, "blocks come in time again"),
        }
        last = block;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_block_is_counted_and_three_are_told_once() {
        let mut pace = Pace::default();
        let mut see =
            |seconds| (pace.note(Duration::from_secs(seconds), Duration::from_secs(10), 1.5), pace.slow_in_a_row);
        assert_eq!(see(15), (Word::Nothing, 0));
        assert_eq!(see(16), (Word::Nothing, 1));
        assert_eq!(see(10), (Word::Nothing, 0));
        assert_eq!((see(20), see(20)), ((Word::Nothing, 1), (Word::Nothing, 2)));
        assert_eq!((see(20), see(20)), ((Word::Slow, 3), (Word::Nothing, 4)));
        assert_eq!((see(1), see(1)), ((Word::Recovered, 0), (Word::Nothing, 0)));
    }
}
