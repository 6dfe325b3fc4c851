//! How long writes for a supplier are still allowed: one value, shared by whoever renews the lease and whoever works under it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use relay_core::clock::Clock;
use relay_core::store::{Fence, Lease};
use tokio_util::sync::CancellationToken;

/// The right to write for one supplier, as long as its lease lasts. Cheap to clone; all clones end together, for good.
///
/// Redis fences what is written to Redis. Nothing fences a broadcast, so whoever sends one asks here right before it. Time is
/// that of [`Clock::monotonic`], which also counts while the process is stopped or the machine sleeps.
#[derive(Debug, Clone)]
pub struct Tenure {
    fence: Fence,
    clock: Clock,
    /// Monotonic nanoseconds; 0 once it was ended.
    ends: Arc<AtomicU64>,
    over: CancellationToken,
}

impl Tenure {
    /// The tenure that `lease` began.
    #[must_use]
    pub fn new(lease: &Lease, clock: Clock) -> Self {
        let ends = Arc::new(AtomicU64::new(nanoseconds(lease.ends())));
        Self { fence: lease.fence.clone(), clock, ends, over: CancellationToken::new() }
    }

    /// The token that goes with each write.
    #[must_use]
    pub fn fence(&self) -> &Fence {
        &self.fence
    }

    /// What is left of it unless it is prolonged; zero once it is over.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        Duration::from_nanos(self.ends.load(Ordering::Acquire)).saturating_sub(self.clock.monotonic())
    }

    /// Whether something that takes `needed` may still be begun. Ask right before each broadcast.
    #[must_use]
    pub fn lasts(&self, needed: Duration) -> bool {
        self.remaining() > needed
    }

    /// Makes it last as long as the renewed lease. `false` when it was over before the renewal became known: what stopped
    /// then does not go on, the supplier is taken anew.
    #[must_use]
    pub fn prolong(&self, renewed: &Lease) -> bool {
        let now = nanoseconds(self.clock.monotonic());
        let later = |ends| (ends > now && renewed.fence == self.fence).then(|| nanoseconds(renewed.ends()).max(ends));
        self.ends.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).is_ok()
    }

    /// Ends it now. Work that runs in [`Tenure::keep`] is not polled once more.
    pub fn end(&self) {
        self.ends.store(0, Ordering::Release);
        self.over.cancel();
    }

    /// Does `work` while the tenure lasts, and drops it where it stands once it is over: then `None`.
    ///
    /// The clock is looked at before every single step of the work, so that a process which was stopped and goes on after
    /// its lease passed takes no further step.
    pub async fn keep<W: Future>(&self, work: W) -> Option<W::Output> {
        let mut work = pin!(work);
        let mut over = pin!(self.is_over());
        poll_fn(|context| {
            if !self.lasts(Duration::ZERO) || over.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(context).map(Some)
        })
        .await
    }

    /// Returns when it is over.
    async fn is_over(&self) {
        while self.lasts(Duration::ZERO) {
            tokio::select! {
                () = self.over.cancelled() => return,
                () = tokio::time::sleep(self.remaining()) => {}
            }
        }
    }
}

/// The monotonic clock counts from boot, which is less than the 584 years that fit.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use relay_core::address::Address;

    use super::*;

    fn lease(clock: Clock, fence: &str, lasts: Duration) -> Lease {
        let supplier = Address::from_payload(&[1; 20]).unwrap();
        Lease::until(supplier, fence.parse().unwrap(), clock.monotonic() + lasts)
    }

    fn tenure(lasts: Duration) -> Tenure {
        let clock = Clock::system();
        Tenure::new(&lease(clock, "me/1/a", lasts), clock)
    }

    #[test]
    fn what_takes_longer_than_the_rest_is_not_begun() {
        let tenure = tenure(Duration::from_mins(1));
        assert!(tenure.lasts(Duration::from_secs(50)));
        assert!(!tenure.lasts(Duration::from_secs(61)));
    }

    #[test]
    fn a_renewal_prolongs_it_and_an_older_one_does_not_shorten_it() {
        let (clock, tenure) = (Clock::system(), tenure(Duration::from_secs(10)));
        assert!(tenure.clone().prolong(&lease(clock, "me/1/a", Duration::from_mins(1))));
        assert!(tenure.lasts(Duration::from_secs(50)));
        assert!(tenure.prolong(&lease(clock, "me/1/a", Duration::from_secs(5))));
        assert!(tenure.lasts(Duration::from_secs(50)));
    }

    #[test]
    fn the_renewal_of_another_tenure_does_not_prolong_it() {
        let tenure = tenure(Duration::from_secs(10));
        assert!(!tenure.prolong(&lease(Clock::system(), "me/2/b", Duration::from_mins(1))));
        assert!(!tenure.lasts(Duration::from_secs(20)));
    }

    // rule: O-01
    #[test]
    fn once_over_it_stays_over() {
        let (clock, run_out, ended) = (Clock::system(), tenure(Duration::ZERO), tenure(Duration::from_mins(1)));
        ended.end();
        for tenure in [run_out, ended] {
            assert!(!tenure.prolong(&lease(clock, "me/1/a", Duration::from_mins(1))));
            assert!(!tenure.lasts(Duration::ZERO));
        }
    }

    // rule: O-01
    #[tokio::test]
    async fn work_takes_no_step_after_the_end() {
        let tenure = tenure(Duration::from_millis(50));
        let steps = AtomicU32::new(0);
        let work = async {
            loop {
                steps.fetch_add(1, Ordering::Relaxed);
                // The whole process stands still for longer than the lease lasts.
                std::thread::sleep(Duration::from_millis(80));
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(tenure.keep(work).await, None::<()>);
        assert_eq!(steps.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn work_that_waits_is_dropped_at_the_end() {
        assert_eq!(tenure(Duration::from_millis(20)).keep(std::future::pending::<()>()).await, None);
        let ended = tenure(Duration::from_hours(1));
        let (outcome, ()) = tokio::join!(ended.keep(std::future::pending::<()>()), async { ended.end() });
        assert_eq!(outcome, None);
    }

    #[tokio::test]
    async fn work_that_ends_in_time_gives_its_outcome() {
        assert_eq!(tenure(Duration::from_mins(1)).keep(async { 7 }).await, Some(7));
    }
}
