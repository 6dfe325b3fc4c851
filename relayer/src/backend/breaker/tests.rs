use proptest::prelude::*;
use relay_core::config::Period;

use super::*;

const RECOVERY: Duration = Duration::from_secs(30);

/// A moment before a time has passed.
fn almost(time: Duration) -> Duration {
    time.saturating_sub(Duration::from_millis(1))
}

fn breaker(failures: u32) -> Breaker {
    Breaker::new(&BreakerConfig { failures, recovery: Period(RECOVERY) })
}

/// A breaker that five failures have opened at `now`.
fn open(now: Instant) -> Breaker {
    let mut breaker = breaker(5);
    for _ in 0..4 {
        assert_eq!(breaker.failed(Permit::Regular, now), None);
    }
    assert_eq!(breaker.failed(Permit::Regular, now), Some(Change::Down { failures: 5, pause: RECOVERY }));
    breaker
}

#[test]
fn only_failures_in_a_row_open_it() {
    let now = Instant::now();
    let mut breaker = breaker(5);
    for _ in 0..20 {
        for _ in 0..4 {
            breaker.failed(Permit::Regular, now);
        }
        breaker.succeeded(Permit::Regular, now);
    }
    assert!(breaker.admits(now));
    assert!(!open(now).admits(now));
}

// rule: D-34, R-15
#[test]
fn what_says_nothing_changes_nothing() {
    let now = Instant::now();
    let mut closed = breaker(5);
    for _ in 0..4 {
        closed.failed(Permit::Regular, now);
    }
    closed.neutral(Permit::Regular, now);
    assert!(closed.failed(Permit::Regular, now).is_some(), "the row of failures is not broken");

    let mut open = open(now);
    open.neutral(Permit::Regular, now);
    assert!(!open.admits(now), "an open breaker stays open");
    open.succeeded(Permit::Regular, now);
    assert!(!open.admits(now), "an answer to a question from before does not close it either");
}

// rule: D-35
#[test]
fn one_request_at_a_time_tries_a_node_again() {
    let start = Instant::now();
    let mut breaker = open(start);
    assert!(breaker.enter(start + almost(RECOVERY)).is_none());
    let now = start + RECOVERY;
    let trial = breaker.enter(now).unwrap();
    assert!(!breaker.admits(now) && breaker.enter(now).is_none(), "the second one does not pass");
    assert_eq!(breaker.succeeded(trial, now), Some(Change::Up { after: RECOVERY }));
    assert_eq!((breaker.enter(now), breaker.enter(now)), (Some(Permit::Regular), Some(Permit::Regular)));
}

// rule: D-35
#[test]
fn the_pause_between_trials_grows_to_a_bound() {
    let mut now = Instant::now();
    let mut breaker = open(now);
    let mut pause = RECOVERY;
    for _ in 0..10 {
        now += pause;
        let trial = breaker.enter(now).unwrap();
        assert_eq!(breaker.failed(trial, now), None, "it was down before, so nobody is told again");
        pause = (pause * 2).min(RECOVERY * LONGEST);
        assert!(!breaker.admits(now + almost(pause)));
    }
    assert_eq!(pause, RECOVERY * LONGEST);
    assert!(breaker.admits(now + pause));
}

// rule: R-16
#[test]
fn a_trial_that_says_nothing_gives_its_place_back() {
    let start = Instant::now();
    let mut breaker = open(start);
    let now = start + RECOVERY;
    let trial = breaker.enter(now).unwrap();
    breaker.neutral(trial, now);
    let trial = breaker.enter(now).expect("the next may try at once");
    assert!(breaker.enter(now).is_none());
    let later = breaker.enter(now + RECOVERY).expect("one that never comes back does not block it for ever");
    breaker.failed(trial, now + RECOVERY);
    assert!(breaker.succeeded(later, now + RECOVERY).is_some(), "only the last trial decides");
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Wait(u64),
    Enter,
    Succeed(usize),
    Fail(usize),
    Nothing(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0_u64..100_000).prop_map(Step::Wait),
        Just(Step::Enter),
        Just(Step::Enter),
        (0_usize..8).prop_map(Step::Succeed),
        (0_usize..8).prop_map(Step::Fail),
        (0_usize..8).prop_map(Step::Nothing),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    // rule: R-16
    #[test]
    fn there_is_always_a_way_back(steps in steps()) {
        let mut now = Instant::now();
        let mut breaker = breaker(3);
        let mut permits: Vec<Permit> = Vec::new();
        let mut down = false;
        for step in steps {
            let take = |permits: &mut Vec<Permit>, at: usize| (at < permits.len()).then(|| permits.remove(at));
            let change = match step {
                Step::Wait(milliseconds) => {
                    now += Duration::from_millis(milliseconds);
                    None
                }
                Step::Enter => {
                    let admitted = breaker.admits(now);
                    let permit = breaker.enter(now);
                    prop_assert_eq!(admitted, permit.is_some());
                    permits.extend(permit);
                    None
                }
                Step::Succeed(at) => take(&mut permits, at).and_then(|permit| breaker.succeeded(permit, now)),
                Step::Fail(at) => take(&mut permits, at).and_then(|permit| breaker.failed(permit, now)),
                Step::Nothing(at) => {
                    if let Some(permit) = take(&mut permits, at) {
                        breaker.neutral(permit, now);
                    }
                    None
                }
            };
            match change {
                Some(Change::Down { .. }) => {
                    prop_assert!(!down, "down is told once");
                    down = true;
                }
                Some(Change::Up { .. }) => {
                    prop_assert!(down, "up is told once");
                    down = false;
                }
                None => {}
            }
            prop_assert!(breaker.admits(now + RECOVERY * LONGEST), "whatever happened, it is tried again");
        }
    }
}
