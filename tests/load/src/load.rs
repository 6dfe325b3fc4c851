//! Many callers at once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Error;
use crate::caller::Caller;

const STACK_BYTES: usize = 128 << 10;
/// Microseconds: a minute.
const LONGEST: u64 = 60_000_000;

/// When the next call is due.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as a caller is free: saturation.
    AtOnce,
    /// So many a second in all, whether callers are free or not. What a call waits for a caller is part of its latency.
    PerSecond(f64),
}

/// What a load gave.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Calls answered with 200.
    pub(crate) answered: usize,
    /// Others.
    pub(crate) failed: usize,
    /// From due to answered, in microseconds.
    pub(crate) latencies: Histogram<u64>,
    /// From the first call to the last answer.
    pub(crate) took: Duration,
}

impl Outcome {
    /// Answers a second.
    pub(crate) fn rate(&self) -> f64 {
        float(self.answered) / self.took.as_secs_f64()
    }

    /// The latency that this part of all calls does not exceed.
    pub(crate) fn latency(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latencies.value_at_quantile(quantile))
    }

    /// Whether every call was answered; a measurement over refusals is worth nothing.
    pub(crate) fn whole(self) -> Result<Self, Error> {
        if self.failed == 0 {
            return Ok(self);
        }
        let (failed, all) = (self.failed, self.failed + self.answered);
        Err(Error::Worthless(format!("{failed} of {all} calls were not answered with success")))
    }
}

/// Makes every call once, `requests[0]` first, over as many connections as there are callers; ends after `at_most` with what
/// was made until then.
pub(crate) fn run<R: AsRef<[u8]> + Sync>(
    address: SocketAddr,
    requests: &[R],
    callers: usize,
    pace: Pace,
    at_most: Duration,
) -> Result<Outcome, Error> {
    let mut connections = Vec::with_capacity(callers);
    for _ in 0..callers {
        connections.push(Caller::connect(address).map_err(Error::io("connect a caller"))?);
    }
    let (next, started) = (AtomicUsize::new(0), Instant::now());
    let calls = Calls { requests, next: &next, started, until: started + at_most, pace };
    let outcomes = thread::scope(|scope| {
        let working: Vec<_> = connections
            .into_iter()
            .map(|caller| thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, || calls.work(caller)))
            .collect();
        let joined = working.into_iter().map(|thread| {
            thread
                .map_err(Error::io("start a thread"))?
                .join()
                .map_err(|_| Error::Worthless("a caller panicked".to_owned()))?
        });
        joined.collect::<Result<Vec<_>, Error>>()
    })?;
    let mut sum = Outcome { answered: 0, failed: 0, latencies: histogram()?, took: started.elapsed() };
    for outcome in outcomes {
        sum.answered += outcome.answered;
        sum.failed += outcome.failed;
        sum.latencies.add(outcome.latencies).map_err(|error| Error::Worthless(error.to_string()))?;
    }
    Ok(sum)
}

struct Calls<'a, R> {
    requests: &'a [R],
    next: &'a AtomicUsize,
    started: Instant,
    until: Instant,
    pace: Pace,
}

impl<R: AsRef<[u8]>> Calls<'_, R> {
    fn work(&self, mut caller: Caller) -> Result<Outcome, Error> {
        let mut outcome = Outcome { answered: 0, failed: 0, latencies: histogram()?, took: Duration::ZERO };
        while Instant::now() < self.until {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = self.requests.get(number) else { break };
            let due = match self.pace {
                Pace::AtOnce => Instant::now(),
                Pace::PerSecond(rate) => self.started + Duration::from_secs_f64(float(number) / rate),
            };
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let status = caller.call(request.as_ref()).map_err(Error::io("call"))?.status;
            let took = u64::try_from(due.elapsed().as_micros()).unwrap_or(LONGEST);
            outcome.latencies.saturating_record(took);
            if status == 200 {
                outcome.answered += 1;
            } else {
                outcome.failed += 1;
            }
        }
        Ok(outcome)
    }
}

fn histogram() -> Result<Histogram<u64>, Error> {
    Histogram::new_with_bounds(1, LONGEST, 3).map_err(|error| Error::Worthless(error.to_string()))
}

/// Counts of a benchmark are far below 2⁵³.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}
