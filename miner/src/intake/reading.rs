//! One log, piece by piece, into its trie.

use std::time::{Duration, SystemTime};

use relay_core::address::Address;
use relay_core::store::{LogEntry, Store, StoreError};
use relay_core::units::{Height, SessionId};
use tokio::time::{Instant, timeout_at};

use super::leaves::{Intake, Taken, Trouble};
use super::{ReadGate, piece};
use crate::metrics::LogMetrics;

/// A log that has grown.
#[derive(Debug, Clone)]
pub struct Log {
    /// Whose.
    pub supplier: Address,
    /// Of which session.
    pub session: SessionId,
    /// Entries that it has, as far as is known. It may have more.
    pub appended: u64,
    /// The block by which it has to be read: the last that can take the claim.
    pub deadline: Height,
    /// Entries that are older were there before this process read the log for the first time; how long they stood there says
    /// nothing about it.
    pub since: SystemTime,
}

/// How far a reading came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// To the end of the log. It may have grown since.
    AtEnd,
    /// There is more; the time was up.
    More,
    /// To an entry that cannot be taken now.
    Stuck(Trouble),
}

/// Reads a log to its end, or until the time is up; one piece at least if the gate has room.
///
/// Between pieces other tasks get their turn, and readers of logs that are due earlier.
pub async fn read(
    store: &Store,
    gate: &ReadGate,
    metrics: &LogMetrics,
    log: &Log,
    intake: &mut Intake,
    until: Instant,
) -> Result<Reading, StoreError> {
    loop {
        let unread = log.appended.saturating_sub(intake.tally().entries);
        let entering = gate.enter(log.deadline, intake.size.expected(unread));
        let Ok(mut pass) = timeout_at(until, entering).await else { return Ok(Reading::More) };
        let started = Instant::now();
        let count = intake.size.count();
        let entries = match store.read_log(&log.supplier, &log.session, intake.cursor(), count).await {
            Ok(entries) => entries,
            Err(error) => {
                metrics.failed(started.elapsed());
                return Err(error);
            }
        };
        pass.holds(piece::bytes(&entries) as u64);
        intake.size.learn(&entries);
        let taken = intake.take(&entries);
        note(metrics, log, &entries, &taken, started.elapsed());
        let is_last = entries.len() < count;
        drop(entries);
        drop(pass);
        match taken.trouble {
            Some(trouble) => return Ok(Reading::Stuck(trouble)),
            None if is_last => return Ok(Reading::AtEnd),
            None if Instant::now() >= until => return Ok(Reading::More),
            None => tokio::task::yield_now().await,
        }
    }
}

/// Age of an entry by this machine's clock against Redis'.
fn note(metrics: &LogMetrics, log: &Log, entries: &[LogEntry], taken: &Taken, elapsed: Duration) {
    let now = milliseconds(SystemTime::now());
    let since = milliseconds(log.since);
    let read = usize::try_from(taken.entries()).unwrap_or(usize::MAX).min(entries.len());
    let ages = entries[..read].iter().filter(|entry| entry.id.ms >= since);
    metrics.took(taken, ages.map(|entry| Duration::from_millis(now.saturating_sub(entry.id.ms))), elapsed);
}

fn milliseconds(time: SystemTime) -> u64 {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}
