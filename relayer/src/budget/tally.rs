use std::time::Duration;

use relay_core::store::Slice;

/// For how long a budget that is used up is not asked for again.
const EXHAUSTED_PAUSE: Duration = Duration::from_secs(1);
/// For how long nobody waits for a budget that could not be asked for.
const FAILED_PAUSE: Duration = Duration::from_millis(500);

/// The counts of one meter, all in relays. Pure: times are the monotonic clock's.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answered.
    pub(super) used: u64,
    /// Of these: in the log, or represented there.
    shown: u64,
    /// In progress.
    pub(super) reserved: u64,
    /// What this relayer may use in all.
    held: u64,
    /// What the last call added.
    last_slice: u64,
    /// Calls so far.
    calls: u64,
    /// What the whole budget is, as last seen.
    pub(super) limit: u64,
    /// When Redis last knew that we are alive, as far as this meter's own calls say.
    heard: Option<Duration>,
    used_last: Duration,
    exhausted_until: Duration,
    failed_until: Duration,
}

/// What became of an attempt to reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// There was room. `low`: it is time to take more.
    Reserved { low: bool },
    /// The slice is used up, or cannot be trusted any more: more has to be taken first.
    Empty,
    /// There was none left a moment ago.
    Exhausted,
    /// It could not be asked for a moment ago.
    Failed,
}

/// What a call reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) number: u64,
    pub(super) used: u64,
    pub(super) shown: u64,
    pub(super) held: u64,
    pub(super) wanted: u64,
}

impl Tally {
    /// What is held and neither used nor reserved.
    pub(super) fn free(&self) -> u64 {
        self.held.saturating_sub(self.used).saturating_sub(self.reserved)
    }

    /// Takes one. `alive` says whether others still count us among the living, given when this meter was last heard.
    pub(super) fn reserve(&mut self, now: Duration, alive: impl Fn(Option<Duration>) -> bool) -> Attempt {
        self.used_last = now;
        if self.free() > 0 && alive(self.heard) {
            self.reserved += 1;
            // A quarter is left: enough for the time that a call takes.
            let low = self.free() <= self.last_slice / 4 && now >= self.exhausted_until && now >= self.failed_until;
            return Attempt::Reserved { low };
        }
        if now < self.failed_until {
            Attempt::Failed
        } else if now < self.exhausted_until {
            Attempt::Exhausted
        } else {
            Attempt::Empty
        }
    }

    /// Takes one that is not there: the policy wants it.
    pub(super) fn overdraw(&mut self) {
        self.reserved += 1;
    }

    /// A reserved one was answered.
    pub(super) fn commit(&mut self, shown: bool) {
        self.reserved = self.reserved.saturating_sub(1);
        self.used += 1;
        self.shown += u64::from(shown);
    }

    /// A reserved one was not.
    pub(super) fn release(&mut self) {
        self.reserved = self.reserved.saturating_sub(1);
    }

    /// What to say to take a slice of up to `most`.
    pub(super) fn ask(&mut self, most: u64) -> Report {
        self.calls += 1;
        let wanted = most.saturating_sub(self.free());
        Report { number: self.calls, used: self.used, shown: self.shown, held: self.held, wanted }
    }

    /// What to say to give back all that nobody uses; `None` when there is nothing. It cannot be used from now on.
    pub(super) fn give_back(&mut self) -> Option<Report> {
        if self.free() == 0 {
            return None;
        }
        self.calls += 1;
        self.held = self.used + self.reserved;
        Some(Report { number: self.calls, used: self.used, shown: self.shown, held: self.held, wanted: 0 })
    }

    /// Redis has answered a call that began at `asked` and wanted some.
    pub(super) fn granted(&mut self, slice: Slice, limit: u64, asked: Duration, now: Duration) {
        self.last_slice = slice.held.saturating_sub(self.held);
        self.held = slice.held;
        self.limit = limit;
        self.heard = Some(asked);
        self.failed_until = Duration::ZERO;
        self.exhausted_until = if self.last_slice == 0 { now + EXHAUSTED_PAUSE } else { Duration::ZERO };
    }

    /// A call did not succeed.
    pub(super) fn failed(&mut self, now: Duration) {
        self.failed_until = now + FAILED_PAUSE;
    }

    /// Since when nothing was reserved.
    pub(super) fn idle_since(&self) -> Duration {
        self.used_last
    }

    /// Whether the last answer was that nothing is left.
    pub(super) fn is_exhausted(&self) -> bool {
        self.exhausted_until > Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const T: Duration = Duration::from_secs(100);

    fn slice(held: u64) -> Slice {
        Slice { held, left: 0, live: 1 }
    }

    fn alive(_: Option<Duration>) -> bool {
        true
    }

    #[test]
    fn a_slice_is_used_and_more_is_taken_in_time() {
        let mut tally = Tally::default();
        assert_eq!(tally.reserve(T, alive), Attempt::Empty);
        assert_eq!(tally.ask(8), Report { number: 1, used: 0, shown: 0, held: 0, wanted: 8 });
        tally.granted(slice(8), 100, T, T);
        let attempts: Vec<Attempt> = (0..9).map(|_| tally.reserve(T, alive)).collect();
        let low = |attempt: &Attempt| *attempt == Attempt::Reserved { low: true };
        assert_eq!(attempts.iter().position(low), Some(5));
        assert_eq!(attempts[8], Attempt::Empty);
        tally.commit(true);
        tally.commit(false);
        tally.release();
        assert_eq!(tally.ask(8), Report { number: 2, used: 2, shown: 1, held: 8, wanted: 7 });
        assert!(matches!(tally.reserve(T, alive), Attempt::Reserved { .. }), "what was released is there again");
    }

    #[test]
    fn an_end_or_a_failure_is_not_asked_for_again_at_once() {
        let mut tally = Tally::default();
        tally.granted(slice(0), 100, T, T);
        assert_eq!(tally.reserve(T, alive), Attempt::Exhausted);
        assert_eq!(tally.reserve(T + EXHAUSTED_PAUSE, alive), Attempt::Empty);
        tally.failed(T);
        assert_eq!(tally.reserve(T, alive), Attempt::Failed);
        assert_eq!(tally.reserve(T + FAILED_PAUSE, alive), Attempt::Exhausted);
        tally.granted(slice(1), 100, T, T);
        assert!(matches!(tally.reserve(T, alive), Attempt::Reserved { .. }));
    }

    #[test]
    fn a_slice_is_not_used_when_others_may_have_taken_it_back() {
        let mut tally = Tally::default();
        tally.granted(slice(8), 100, T, T);
        let heard_lately = |heard: Option<Duration>| heard.is_some_and(|at| at > T);
        assert_eq!(tally.reserve(T, heard_lately), Attempt::Empty);
    }

    #[test]
    fn what_is_given_back_cannot_be_used() {
        let mut tally = Tally::default();
        tally.granted(slice(8), 100, T, T);
        tally.reserve(T, alive);
        tally.reserve(T, alive);
        tally.commit(true);
        assert_eq!(tally.give_back(), Some(Report { number: 1, used: 1, shown: 1, held: 2, wanted: 0 }));
        assert_eq!((tally.give_back(), tally.reserve(T, alive)), (None, Attempt::Empty));
        tally.overdraw();
        tally.commit(true);
        tally.commit(true);
        assert_eq!((tally.used, tally.free()), (3, 0), "used more than held");
        assert_eq!(tally.ask(8).wanted, 8);
    }

    proptest! {
        /// Used and reserved together never exceed what is held, unless the policy overdraws.
        #[test]
        fn nothing_is_used_that_is_not_held(steps in prop::collection::vec(0_u8..6, 0..300)) {
            let (mut tally, mut granted) = (Tally::default(), 0);
            for step in steps {
                match step {
                    0 | 1 => {
                        tally.reserve(T, alive);
                    }
                    2 if tally.reserved > 0 => tally.commit(true),
                    3 if tally.reserved > 0 => tally.release(),
                    4 => {
                        let report = tally.ask(10);
                        granted = report.held + report.wanted;
                        tally.granted(slice(granted), 100, T, T);
                    }
                    5 => {
                        tally.give_back();
                    }
                    _ => {}
                }
                prop_assert!(tally.used + tally.reserved <= tally.held && tally.held <= granted);
            }
        }
    }
}
