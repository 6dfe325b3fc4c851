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
    name: &'static str,
    limit: Duration,
    last: Arc<AtomicU64>,
}

/// The pulse of one part of a program. When it is dropped the part has ended and is not watched any more.
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
    pub fn watch(&self, name: &'static str, limit: Duration) -> Beat {
        let beat = Beat { started: self.started, last: Arc::new(AtomicU64::new(0)) };
        beat.tick();
        let part = Part { name, limit, last: Arc::clone(&beat.last) };
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).push(part);
        beat
    }

    /// The parts that broke their promise, each with the time since its last beat.
    #[must_use]
    pub fn stalled(&self) -> Vec<String> {
        let now = milliseconds(self.started.elapsed());
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|part| Arc::strong_count(&part.last) > 1);
        parts
            .iter()
            .filter_map(|part| {
                let silent = now.saturating_sub(part.last.load(Ordering::Relaxed));
                (silent > milliseconds(part.limit)).then(|| format!("{} has not moved for {silent} ms", part.name))
            })
            .collect()
    }
}

impl Beat {
    /// Says: still moving.
    pub fn tick(&self) {
        self.last.store(milliseconds(self.started.elapsed()), Ordering::Relaxed);
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
}
