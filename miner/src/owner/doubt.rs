//! The time after Redis lost its tail, in which the chain may know more of a session than Redis does.

use std::time::Duration;

use relay_core::units::Height;

/// Blocks in which a claim that Redis forgot shows on chain, if it was broadcast: the one that includes it, one for a block
/// that was full, one for a node that is behind.
const SHOWS_WITHIN: i64 = 3;

/// A loss longer ago than this has no claim on its way that is not on chain, or out of time.
const LASTS: Duration = Duration::from_mins(10);

/// Whether a claim may be on its way that nothing in Redis tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// Redis lost nothing lately.
    None,
    /// It did; the next block begins the wait.
    Begins,
    /// Until the chain was seen at this height.
    Until(Height),
}

impl Doubt {
    /// The doubt of an owner that starts `now`, when relayers append again what was lost until `reappends`.
    pub(super) fn after(reappends: Option<Duration>, now: Duration) -> Self {
        match reappends {
            Some(until) if now < until + LASTS => Self::Begins,
            _ => Self::None,
        }
    }

    /// Whether there is doubt at this block.
    pub(super) fn at(&mut self, height: Height) -> bool {
        if *self == Self::Begins {
            *self = Self::Until(height + SHOWS_WITHIN);
        }
        matches!(*self, Self::Until(end) if height < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubt_lasts_some_blocks_from_the_first_that_is_seen() {
        let mut doubt = Doubt::after(Some(Duration::from_secs(5)), Duration::from_secs(1));
        assert!(doubt.at(Height(100)));
        assert!(doubt.at(Height(102)));
        assert!(!doubt.at(Height(103)));
        assert!(!doubt.at(Height(104)));
    }

    #[test]
    fn a_redis_that_lost_nothing_leaves_no_doubt() {
        assert!(!Doubt::after(None, Duration::from_secs(1)).at(Height(1)));
        assert!(!Doubt::after(Some(Duration::from_secs(5)), Duration::from_hours(1)).at(Height(1)));
    }
}
