//! Where work that takes long on a core is done, so that it does not hold up everything else.

use std::num::NonZero;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// As many threads as there are cores. Who comes when all are busy waits; relays in progress are bounded, so this is as well.
#[derive(Debug, Clone)]
pub(crate) struct Heavy(Arc<Semaphore>);

impl Default for Heavy {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get))))
    }
}

impl Heavy {
    /// Runs `work` on a thread of its own. `None` when it panicked.
    pub(crate) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        // Nobody closes it.
        let place = Arc::clone(&self.0).acquire_owned().await.ok()?;
        let done = tokio::task::spawn_blocking(move || {
            let outcome = work();
            drop(place);
            outcome
        });
        done.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn no_more_than_its_places_work_at_a_time() {
        let (heavy, now, most) =
            (Heavy(Arc::new(Semaphore::new(2))), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut working = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (heavy, now, most) = (heavy.clone(), Arc::clone(&now), Arc::clone(&most));
            working.spawn(async move {
                heavy
                    .run(move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(std::time::Duration::from_millis(20));
                        now.fetch_sub(1, Ordering::SeqCst);
                    })
                    .await
            });
        }
        assert!(working.join_all().await.iter().all(Option::is_some));
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }
}
