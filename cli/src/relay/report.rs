use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use relay_core::address::Address;
use relay_core::session::SessionHeader;
use serde::Serialize;

use crate::failure::Failure;

/// Different texts of failures that are kept apart; more are counted together.
const MAX_REASONS: usize = 50;
const OTHER_REASONS: &str = "other reasons";

/// What one worker saw.
#[derive(Debug, Default)]
pub(super) struct Tally {
    latencies: Vec<Duration>,
    sessions: BTreeMap<String, u64>,
    suppliers: BTreeMap<Address, u64>,
    failures: BTreeMap<String, u64>,
    last_answer: Option<Bytes>,
}

impl Tally {
    pub(super) fn answered(&mut self, latency: Duration, session: &SessionHeader, supplier: &Address, body: Bytes) {
        self.latencies.push(latency);
        *self.sessions.entry(session.id.as_str().to_owned()).or_default() += 1;
        *self.suppliers.entry(supplier.clone()).or_default() += 1;
        self.last_answer = Some(body);
    }

    pub(super) fn failed(&mut self, reason: String) {
        self.count_failures(reason, 1);
    }

    fn count_failures(&mut self, reason: String, count: u64) {
        let known = self.failures.len() < MAX_REASONS || self.failures.contains_key(&reason);
        let reason = if known { reason } else { OTHER_REASONS.to_owned() };
        *self.failures.entry(reason).or_default() += count;
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        for (session, count) in other.sessions {
            *self.sessions.entry(session).or_default() += count;
        }
        for (supplier, count) in other.suppliers {
            *self.suppliers.entry(supplier).or_default() += count;
        }
        for (reason, count) in other.failures {
            self.count_failures(reason, count);
        }
        self.last_answer = other.last_answer.or(self.last_answer.take());
    }
}

/// How it went.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    sent: u64,
    verified: u64,
    failed: u64,
    seconds: f64,
    per_second: f64,
    latency_ms: Option<Latency>,
    /// Verified answers by session.
    sessions: BTreeMap<String, u64>,
    /// Verified answers by supplier.
    suppliers: BTreeMap<Address, u64>,
    /// Failures by reason.
    failures: BTreeMap<String, u64>,
    /// The answer, when only one relay was sent.
    answer: Option<String>,
}

/// Times from sending a relay to its verified answer, in milliseconds.
#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p90: f64,
    p99: f64,
    max: f64,
}

impl Report {
    pub(super) fn of(tally: Tally, took: Duration) -> Self {
        let verified = tally.latencies.len() as u64;
        let failed: u64 = tally.failures.values().sum();
        let seconds = took.as_secs_f64();
        let body = tally.last_answer.filter(|_| verified + failed == 1);
        Self {
            sent: verified + failed,
            verified,
            failed,
            seconds,
            per_second: if seconds > 0.0 { float(verified) / seconds } else { 0.0 },
            latency_ms: Latency::of(tally.latencies),
            sessions: tally.sessions,
            suppliers: tally.suppliers,
            failures: tally.failures,
            answer: body.map(|body| String::from_utf8_lossy(&body).into_owned()),
        }
    }

    /// A failure unless every relay was answered well.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        match (self.failed, self.sent) {
            (0, 1..) => Ok(()),
            (0, 0) => Err("no relay was sent".into()),
            (failed, sent) => Err(format!("{failed} of {sent} relays have no good answer").into()),
        }
    }
}

impl Latency {
    fn of(mut latencies: Vec<Duration>) -> Option<Self> {
        latencies.sort_unstable();
        let (last, max) = (latencies.len().checked_sub(1)?, latencies.last()?.as_secs_f64() * 1e3);
        // The nearest rank: the least value that so many per cent do not exceed.
        let rank = |percent: usize| {
            let index = (latencies.len() * percent).div_ceil(100).saturating_sub(1).min(last);
            latencies[index].as_secs_f64() * 1e3
        };
        Some(Self { p50: rank(50), p90: rank(90), p99: rank(99), max })
    }
}

#[allow(clippy::cast_precision_loss, reason = "relays are counted far below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(answer) = &self.answer {
            writeln!(f, "{}", answer.trim_end())?;
        }
        writeln!(
            f,
            "relays     {} sent, {} answered and verified, {} failed, in {:.1} s ({:.0} a second)",
            self.sent, self.verified, self.failed, self.seconds, self.per_second
        )?;
        if let Some(latency) = &self.latency_ms {
            writeln!(
                f,
                "latency    p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
                latency.p50, latency.p90, latency.p99, latency.max
            )?;
        }
        for (session, count) in &self.sessions {
            writeln!(f, "session    {session}: {count}")?;
        }
        for (supplier, count) in &self.suppliers {
            writeln!(f, "supplier   {supplier}: {count}")?;
        }
        for (reason, count) in &self.failures {
            writeln!(f, "failed     {count} × {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(milliseconds: impl IntoIterator<Item = u64>) -> Tally {
        let latencies = milliseconds.into_iter().map(Duration::from_millis).collect();
        Tally { latencies, ..Tally::default() }
    }

    #[test]
    fn percentiles_are_values_that_occurred() {
        let latency = Latency::of((1..=200).map(Duration::from_millis).collect()).unwrap();
        assert_eq!((latency.p50, latency.p90, latency.p99, latency.max), (100.0, 180.0, 198.0, 200.0));
        let one = Latency::of(vec![Duration::from_millis(7)]).unwrap();
        assert_eq!((one.p50, one.p99), (7.0, 7.0));
        assert!(Latency::of(Vec::new()).is_none());
    }

    #[test]
    fn one_bad_answer_fails_the_run() {
        let mut good = tally([1, 2, 3]);
        assert!(Report::of(tally([1, 2, 3]), Duration::from_secs(1)).verdict().is_ok());
        let mut bad = Tally::default();
        bad.failed("refused with status 429".to_owned());
        good.merge(bad);
        let report = Report::of(good, Duration::from_secs(1));
        assert_eq!((report.sent, report.verified, report.failed), (4, 3, 1));
        assert_eq!(report.verdict().unwrap_err().to_string(), "1 of 4 relays have no good answer");
        assert!(report.to_string().contains("failed     1 × refused with status 429"));
    }

    #[test]
    fn nothing_sent_is_no_success() {
        assert!(Report::of(Tally::default(), Duration::ZERO).verdict().is_err());
    }

    #[test]
    fn reasons_are_bounded() {
        let mut tally = Tally::default();
        for index in 0..200 {
            tally.failed(format!("reason {index}"));
        }
        let report = Report::of(tally, Duration::from_secs(1));
        assert_eq!(report.failed, 200);
        assert_eq!(report.failures.len(), MAX_REASONS + 1);
        assert_eq!(report.failures[OTHER_REASONS], 200 - MAX_REASONS as u64);
    }
}
