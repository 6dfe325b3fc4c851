use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Who must move on, and how long each may take. Liveness is answered from it.
#[derive(Debug, Clone)]
pub struct Progress {
    started: Instant,
    parts: Arc<Mutex<Vec<Part>>>,
}

#[derive(Debug)]
struct Part {
    name: Cow<'static, str>,
    limit: Duration,
    last: Arc<AtomicU64>,
}

/// Stands for the time of the last beat of a part that panicked.
const DEAD: u64 = u64::MAX;

/// Parts that are named; of more only their number is told.
const NAMED: usize = 20;

/// The pulse of one part of a program. When it is dropped the part has ended and is not watched any more, unless it ended by a
/// panic: nobody does its work then.
#[derive(Debug)]
pub struct Beat {
    started: Instant,
    last: Arc<AtomicU64>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { started: Instant::now(), parts: Arc::default() }
    }
}

impl Progress {
    /// Watches a part that promises to beat at least every `limit`.
    #[must_use]
    pub fn watch(&self, name: impl Into<Cow<'static, str>>, limit: Duration) -> Beat {
        let beat = Beat { started: self.started, last: Arc::new(AtomicU64::new(0)) };
        beat.tick();
        let part = Part { name: name.into(), limit, last: Arc::clone(&beat.last) };
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
        beat
    }

    /// The parts that broke their promise, each with the time since its last beat; of many only some.
    #[must_use]
    pub fn stalled(&self) -> Vec<String> {
        let now = milliseconds(self.started.elapsed());
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|part| Arc::strong_count(&part.last) > 1 || part.last.load(Ordering::Relaxed) == DEAD);
        let mut stalled = parts.iter().filter_map(|part| part.complaint(now));
        let mut named: Vec<String> = stalled.by_ref().take(NAMED).collect();
        let more = stalled.count();
        if more > 0 {
            named.push(format!("and {more} more"));
        }
        named
    }
}

impl Part {
    fn complaint(&self, now: u64) -> Option<String> {
        let last = self.last.load(Ordering::Relaxed);
        if last == DEAD {
            return Some(format!("{} panicked", self.name));
        }
        let silent = now.saturating_sub(last);
        (silent > milliseconds(self.limit)).then(|| format!("{} has not moved for {silent} ms", self.name))
    }
}

impl Beat {
    /// Says: still moving.
    pub fn tick(&self) {
        self.last.store(milliseconds(self.started.elapsed()), Ordering::Relaxed);
    }
}

impl Drop for Beat {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.last.store(DEAD, Ordering::Relaxed);
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_part_is_named_until_it_moves_or_ends() {
        let progress = Progress::default();
        let publisher = progress.watch("publisher", Duration::from_millis(20));
        let _patient = progress.watch("feed", Duration::from_mins(1));
        assert!(progress.stalled().is_empty());
        std::thread::sleep(Duration::from_millis(40));
        let stalled = progress.stalled();
        assert!(stalled.len() == 1 && stalled[0].starts_with("publisher has not moved"), "{stalled:?}");
        publisher.tick();
        assert!(progress.stalled().is_empty());
        std::thread::sleep(Duration::from_millis(40));
        drop(publisher);
        assert!(progress.stalled().is_empty());
    }

    #[test]
    fn a_part_that_panicked_is_not_forgotten() {
        let progress = Progress::default();
        let beat = progress.watch(format!("owner of {}", 7), Duration::from_mins(1));
        let thread = std::thread::spawn(move || {
            beat.tick();
            panic!("on purpose");
        });
        assert!(thread.join().is_err());
        assert_eq!(progress.stalled(), ["owner of 7 panicked"]);
    }

    #[test]
    fn a_long_list_is_cut() {
        let progress = Progress::default();
        let beats: Vec<Beat> = (0..100).map(|n| progress.watch(n.to_string(), Duration::ZERO)).collect();
        std::thread::sleep(Duration::from_millis(5));
        let stalled = progress.stalled();
        assert_eq!((stalled.len(), stalled[NAMED].as_str()), (NAMED + 1, "and 80 more"));
        drop(beats);
        assert!(progress.stalled().is_empty());
    }
}
