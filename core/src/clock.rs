//! Time, from one place, so that a test can let it run wrong.
//!
//! Wall time is for other machines and for people; it may jump. Monotonic time is for "has this much passed": it never goes
//! back, and it counts the time in which the machine was suspended, so that a process which slept through its lease knows it.

use std::str::FromStr;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

use nix::time::{ClockId, clock_gettime};

use crate::config::{Period, PeriodError};

/// The environment variable that makes clocks of a process run wrong, for tests: see [`Skew`].
pub const SKEW_VARIABLE: &str = "POCKET_TEST_CLOCK_SKEW";

/// Where a process takes its time from. Cheap to copy.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    skew: Skew,
    /// Monotonic time from which a wrong rate counts.
    origin: Duration,
}

/// How a clock runs wrong. Written as `wall:+30s`, `wall:-2m`, `monotonic:1.5x`, or several joined by commas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skew {
    ahead: Duration,
    behind: Duration,
    rate: f64,
}

/// The text does not say how a clock should run wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkewError {
    /// Neither `wall:` nor `monotonic:`.
    #[error("`{0}` is no clock skew: write wall:+30s, wall:-30s, monotonic:1.5x, or both joined by a comma")]
    Form(String),
    /// A wall skew that is not a length of time.
    #[error("wall clock skew: {0}")]
    Wall(#[from] PeriodError),
    /// A rate that is not a positive number.
    #[error("monotonic clock rate `{0}`: write a number above 0 and at most 1000, such as 1.5x")]
    Rate(String),
}

impl Default for Skew {
    fn default() -> Self {
        Self { ahead: Duration::ZERO, behind: Duration::ZERO, rate: 1.0 }
    }
}

impl FromStr for Skew {
    type Err = SkewError;

    fn from_str(text: &str) -> Result<Self, SkewError> {
        let mut skew = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let form = || SkewError::Form(part.to_owned());
            match part.split_once(':').ok_or_else(form)? {
                ("wall", offset) if offset.starts_with('+') => skew.ahead = offset[1..].parse::<Period>()?.0,
                ("wall", offset) if offset.starts_with('-') => skew.behind = offset[1..].parse::<Period>()?.0,
                ("monotonic", rate) => skew.rate = parse_rate(rate)?,
                _ => return Err(form()),
            }
        }
        Ok(skew)
    }
}

fn parse_rate(text: &str) -> Result<f64, SkewError> {
    let rate = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
    rate.filter(|rate| *rate > 0.0 && *rate <= 1000.0).ok_or_else(|| SkewError::Rate(text.to_owned()))
}

impl Clock {
    /// The clock of this machine.
    #[must_use]
    pub fn system() -> Self {
        Self::skewed(Skew::default())
    }

    /// A clock that runs wrong.
    #[must_use]
    pub fn skewed(skew: Skew) -> Self {
        Self { skew, origin: since_boot() }
    }

    /// The clock of this machine, or a wrong one when [`SKEW_VARIABLE`] says so.
    pub fn from_environment() -> Result<Self, SkewError> {
        std::env::var(SKEW_VARIABLE).map_or_else(|_| Ok(Self::system()), |text| text.parse().map(Self::skewed))
    }

    /// The time of day.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        SystemTime::now() + self.skew.ahead - self.skew.behind
    }

    /// Time since some fixed moment: only differences mean something, and only within a process.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        let real = since_boot();
        if (self.skew.rate - 1.0).abs() < f64::EPSILON {
            return real;
        }
        self.origin + real.saturating_sub(self.origin).mul_f64(self.skew.rate)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[cfg(target_os = "linux")]
const COUNTS_SUSPENSION: ClockId = ClockId::CLOCK_BOOTTIME;
#[cfg(not(target_os = "linux"))]
const COUNTS_SUSPENSION: ClockId = ClockId::CLOCK_MONOTONIC;

fn since_boot() -> Duration {
    static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);
    // Only a kernel older than the clock refuses it; then suspension goes uncounted, as it would without us.
    clock_gettime(COUNTS_SUSPENSION).map_or_else(|_| FIRST.elapsed(), Duration::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form_of_skew() {
        let skew: Skew = "wall:+30s,monotonic:1.5x".parse().unwrap();
        assert_eq!(skew, Skew { ahead: Duration::from_secs(30), behind: Duration::ZERO, rate: 1.5 });
        assert_eq!("wall:-2m".parse::<Skew>().unwrap().behind, Duration::from_mins(2));
        assert_eq!("".parse(), Ok(Skew::default()));
    }

    #[test]
    fn refuses_what_is_no_skew() {
        for text in [
            "wall",
            "wall:30s",
            "wall:+30",
            "monotonic:2",
            "monotonic:0x",
            "monotonic:-1x",
            "monotonic:NaNx",
            "tides:+1s",
        ] {
            assert!(text.parse::<Skew>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_wall_clock_is_off_by_what_was_asked() {
        let ahead = Clock::skewed("wall:+1h".parse().unwrap()).wall();
        let off = ahead.duration_since(SystemTime::now()).unwrap();
        assert!(off > Duration::from_mins(59) && off <= Duration::from_hours(1), "{off:?}");
    }

    #[test]
    fn the_monotonic_clock_runs_at_the_rate_that_was_asked() {
        let (real, fast) = (Clock::system(), Clock::skewed("monotonic:10x".parse().unwrap()));
        let (real_start, fast_start) = (real.monotonic(), fast.monotonic());
        std::thread::sleep(Duration::from_millis(50));
        let fast_passed = fast.monotonic().saturating_sub(fast_start);
        let real_passed = real.monotonic().saturating_sub(real_start);
        assert!(real_passed >= Duration::from_millis(50));
        assert!(fast_passed >= Duration::from_millis(400) && fast_passed <= real_passed * 10, "{fast_passed:?}");
    }
}
