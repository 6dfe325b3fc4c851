use std::collections::BTreeSet;
use std::time::Duration;

use rand::{Rng, RngExt};

use super::super::time::ChainTime;

const SECOND: i64 = 1_000_000_000;

/// Far more than one signer sends in the ten minutes that a timestamp can live.
const MOST_LIVE: usize = 65_536;

/// The timestamps of one signer's unordered transactions.
///
/// The chain takes the pair of signer and timestamp as a nonce and refuses a second use. Each timestamp is block time plus
/// timeout plus random nanoseconds below a second: random, because owner and successor of a supplier do not know each
/// other's; remembered while it lives, because two transactions of one block must differ for certain.
#[derive(Debug, Default)]
pub struct Timestamps {
    live: BTreeSet<ChainTime>,
}

/// Too many transactions of one signer are alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MOST_LIVE} transactions of this signer have not timed out yet; wait for blocks or send larger batches")]
pub struct TimestampError;

impl Timestamps {
    /// A timestamp that this signer has not used, at least `timeout` and less than a second more after `block_time`.
    pub fn next(
        &mut self,
        block_time: ChainTime,
        timeout: Duration,
        rng: &mut impl Rng,
    ) -> Result<ChainTime, TimestampError> {
        self.forget_before(block_time);
        if self.live.len() >= MOST_LIVE {
            return Err(TimestampError);
        }
        let base = block_time + timeout;
        let mut offset: i64 = rng.random_range(0..SECOND);
        // At most `MOST_LIVE` of the billion offsets are taken.
        while !self.live.insert(ChainTime(base.0.saturating_add(offset))) {
            offset = (offset + 1) % SECOND;
        }
        Ok(ChainTime(base.0.saturating_add(offset)))
    }

    /// Remembers a timestamp that was used by an earlier owner of the signer's key.
    pub fn remember(&mut self, used: ChainTime) {
        if self.live.len() < MOST_LIVE {
            self.live.insert(used);
        }
    }

    /// The chain has forgotten these, too: it refuses them for being past.
    fn forget_before(&mut self, block_time: ChainTime) {
        self.live = self.live.split_off(&block_time);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    proptest! {
        // rule: I-14, H-04, C-33
        #[test]
        fn no_timestamp_is_given_twice(
            seed: u64,
            steps in prop::collection::vec((0_i64..3, 0_u64..3), 1..200),
            start in 0_i64..4_000_000_000_000_000_000,
        ) {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut timestamps = Timestamps::default();
            let mut given = BTreeSet::new();
            let mut now = ChainTime(start);
            for (blocks, minutes) in steps {
                now = now + Duration::from_secs(u64::try_from(blocks).unwrap());
                let timeout = Duration::from_secs(120 + 60 * minutes);
                let next = timestamps.next(now, timeout, &mut rng).unwrap();
                prop_assert!(next >= now + timeout && next < now + timeout + Duration::from_secs(1));
                prop_assert!(given.insert(next));
            }
        }

        #[test]
        fn the_same_randomness_gives_the_same_timestamps(seed: u64) {
            let draw = || {
                let mut rng = StdRng::seed_from_u64(seed);
                let mut timestamps = Timestamps::default();
                (0..20).map(|_| timestamps.next(ChainTime(7), Duration::from_mins(2), &mut rng)).collect::<Vec<_>>()
            };
            prop_assert_eq!(draw(), draw());
        }
    }

    /// Always draws the same offset: only memory can tell two timestamps apart.
    struct Stuck;

    impl rand::TryRng for Stuck {
        type Error = std::convert::Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            Ok(u32::MAX)
        }

        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(u64::MAX)
        }

        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
            bytes.fill(0xff);
            Ok(())
        }
    }

    #[test]
    fn a_stuck_generator_does_not_repeat_a_nonce() {
        let mut timestamps = Timestamps::default();
        let mut given = BTreeSet::new();
        for _ in 0..1000 {
            assert!(given.insert(timestamps.next(ChainTime(0), SHORT, &mut Stuck).unwrap()));
        }
        assert!(given.iter().all(|time| *time < ChainTime(0) + SHORT + Duration::from_secs(1)));
    }

    #[test]
    fn memory_is_bounded_and_freed_by_block_time() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut timestamps = Timestamps::default();
        for _ in 0..MOST_LIVE {
            timestamps.next(ChainTime(0), SHORT, &mut rng).unwrap();
        }
        assert_eq!(timestamps.next(ChainTime(0), SHORT, &mut rng), Err(TimestampError));
        let later = ChainTime(0) + SHORT + Duration::from_secs(1);
        assert!(timestamps.next(later, SHORT, &mut rng).is_ok());
    }

    const SHORT: Duration = super::super::SHORTEST_TIMEOUT;
}
