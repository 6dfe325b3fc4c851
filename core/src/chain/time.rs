use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const NANOS: i64 = 1_000_000_000;

/// A moment as the chain writes it: nanoseconds since the Unix epoch. Covers the years 1678 to 2262 and saturates there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChainTime(pub i64);

/// A text that is not a time like `2026-01-01T00:00:00.5Z`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an RFC 3339 time in UTC")]
pub struct ChainTimeError(String);

impl ChainTime {
    /// From whole seconds and the nanoseconds above them.
    #[must_use]
    pub fn from_parts(seconds: i64, nanos: u32) -> Self {
        Self(seconds.saturating_mul(NANOS).saturating_add(i64::from(nanos)))
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(NANOS)
    }

    /// Nanoseconds above [`Self::seconds`].
    #[must_use]
    pub fn nanos(self) -> u32 {
        u32::try_from(self.0.rem_euclid(NANOS)).unwrap_or_default()
    }

    /// The wall clock. Never a substitute for block time in decisions about transactions.
    #[must_use]
    pub fn wall_clock() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
    }

    /// How long after `earlier` this is; zero when it is not later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0)).map(Duration::from_nanos).unwrap_or_default()
    }

    /// As a protobuf timestamp.
    #[must_use]
    pub fn to_proto(self) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds: self.seconds(), nanos: i32::try_from(self.nanos()).unwrap_or_default() }
    }
}

fn nanos_of(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

impl Add<Duration> for ChainTime {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(span)))
    }
}

impl Sub<Duration> for ChainTime {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(span)))
    }
}

impl fmt::Display for ChainTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_proto().fmt(f)
    }
}

impl FromStr for ChainTime {
    type Err = ChainTimeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed: prost_types::Timestamp = text.parse().map_err(|_| ChainTimeError(text.to_owned()))?;
        let nanos = u32::try_from(parsed.nanos).map_err(|_| ChainTimeError(text.to_owned()))?;
        Ok(Self::from_parts(parsed.seconds, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_what_nodes_print() {
        for text in ["2026-11-23T10:36:31.733933201Z", "2026-01-01T00:00:00Z", "1970-01-01T00:00:00.000000001Z"] {
            let time: ChainTime = text.parse().unwrap();
            let again: ChainTime = time.to_string().parse().unwrap();
            assert_eq!(again, time, "{text}");
        }
        assert_eq!("2026-01-01T00:00:00.123456789Z".parse(), Ok(ChainTime::from_parts(1_767_225_600, 123_456_789)));
        assert!("yesterday".parse::<ChainTime>().is_err());
    }

    #[test]
    fn a_moment_before_the_epoch_keeps_its_order() {
        let before = ChainTime(-1);
        assert_eq!((before.seconds(), before.nanos()), (-1, 999_999_999));
        assert_eq!(ChainTime(0).since(before), Duration::from_nanos(1));
        assert_eq!(before.since(ChainTime(0)), Duration::ZERO);
    }
}
