//! Which of several nodes is asked: pure functions over what is known of them.

use crate::config::Balancing;

/// A node that may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Its place in the pool.
    pub(super) place: usize,
    /// How much of the load it takes, at least 1.
    pub(super) weight: u16,
    /// Requests in progress on it.
    pub(super) in_flight: usize,
}

/// Picks one; `None` only when there is none. `turn` counts the picks of the pool.
pub(super) fn choose(balancing: Balancing, candidates: &[Candidate], turn: u64) -> Option<usize> {
    let first = candidates.first()?;
    let chosen = match balancing {
        Balancing::FirstHealthy => first,
        Balancing::RoundRobin => nth(candidates, turn)?,
        Balancing::LeastLoaded => least_loaded(candidates, turn)?,
        Balancing::Weighted => weighted(candidates, turn)?,
    };
    Some(chosen.place)
}

fn nth(candidates: &[Candidate], turn: u64) -> Option<&Candidate> {
    let count = u64::try_from(candidates.len()).ok()?;
    candidates.get(usize::try_from(turn.checked_rem(count)?).ok()?)
}

/// The least `(in flight + 1) / weight`; among equals each in turn.
fn least_loaded(candidates: &[Candidate], turn: u64) -> Option<&Candidate> {
    let load = |one: &Candidate, other: &Candidate| {
        let cross = |a: &Candidate, b: &Candidate| (a.in_flight as u128 + 1) * u128::from(b.weight.max(1));
        cross(one, other).cmp(&cross(other, one))
    };
    let least = candidates.iter().min_by(|one, other| load(one, other))?;
    let equals: Vec<&Candidate> = candidates.iter().filter(|other| load(least, other).is_eq()).collect();
    let count = u64::try_from(equals.len()).ok()?;
    equals.get(usize::try_from(turn.checked_rem(count)?).ok()?).copied()
}

/// Turns spread evenly over the weights, without long runs on one node: multiples of the golden ratio.
fn weighted(candidates: &[Candidate], turn: u64) -> Option<&Candidate> {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let total: u64 = candidates.iter().map(|candidate| u64::from(candidate.weight)).sum();
    let spread = u128::from(turn.wrapping_mul(GOLDEN));
    let mut point = u64::try_from((spread * u128::from(total)) >> 64).ok()?;
    for candidate in candidates {
        match point.checked_sub(u64::from(candidate.weight)) {
            Some(rest) => point = rest,
            None => return Some(candidate),
        }
    }
    candidates.last()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
        let one = (1_u16..20, 0_usize..50);
        proptest::collection::vec(one, 1..8).prop_map(|nodes| {
            let made = nodes.into_iter().enumerate();
            // Places have gaps, as when nodes in between are down.
            made.map(|(at, (weight, in_flight))| Candidate { place: at * 3 + 1, weight, in_flight }).collect()
        })
    }

    fn all() -> impl Strategy<Value = Balancing> {
        prop_oneof![
            Just(Balancing::FirstHealthy),
            Just(Balancing::RoundRobin),
            Just(Balancing::LeastLoaded),
            Just(Balancing::Weighted),
        ]
    }

    /// How often a place is chosen.
    fn count(balancing: Balancing, candidates: &[Candidate], place: usize, turns: std::ops::Range<u64>) -> usize {
        turns.filter(|turn| choose(balancing, candidates, *turn) == Some(place)).count()
    }

    proptest! {
        #[test]
        fn some_candidate_is_chosen_whenever_there_is_one(balancing in all(), candidates in candidates(), turn: u64) {
            let chosen = choose(balancing, &candidates, turn).unwrap();
            prop_assert!(candidates.iter().any(|candidate| candidate.place == chosen));
        }

        #[test]
        fn the_first_healthy_is_the_first(candidates in candidates(), turn: u64) {
            prop_assert_eq!(choose(Balancing::FirstHealthy, &candidates, turn), Some(candidates[0].place));
        }

        #[test]
        fn in_turn_means_each_once_a_round(candidates in candidates(), round in 0_u64..1_000_000) {
            let count = candidates.len() as u64;
            let turns = round * count..(round + 1) * count;
            let chosen: Vec<usize> =
                turns.filter_map(|turn| choose(Balancing::RoundRobin, &candidates, turn)).collect();
            prop_assert_eq!(chosen, candidates.iter().map(|candidate| candidate.place).collect::<Vec<_>>());
        }

        #[test]
        fn nobody_is_less_loaded_than_the_least_loaded(candidates in candidates(), turn: u64) {
            let place = choose(Balancing::LeastLoaded, &candidates, turn).unwrap();
            let chosen = candidates.iter().find(|candidate| candidate.place == place).unwrap();
            for other in &candidates {
                let (theirs, ours) = (other.in_flight + 1, chosen.in_flight + 1);
                prop_assert!(theirs * usize::from(chosen.weight) >= ours * usize::from(other.weight));
            }
        }

        #[test]
        fn weights_are_kept_also_over_short_times(candidates in candidates(), start in 0_u64..1_000_000) {
            let total: usize = candidates.iter().map(|candidate| usize::from(candidate.weight)).sum();
            for candidate in &candidates {
                let count = count(Balancing::Weighted, &candidates, candidate.place, start..start + 1000);
                let expected = 1000 * usize::from(candidate.weight) / total;
                prop_assert!(count.abs_diff(expected) <= 20, "{count} instead of {expected}");
            }
        }
    }

    #[test]
    fn equals_share_the_load_and_nobody_is_none() {
        let idle = |place| Candidate { place, weight: 1, in_flight: 0 };
        let candidates = [idle(0), idle(1)];
        assert_eq!(count(Balancing::LeastLoaded, &candidates, 0, 0..100), 50);
        for balancing in [Balancing::FirstHealthy, Balancing::RoundRobin, Balancing::LeastLoaded, Balancing::Weighted] {
            assert_eq!(choose(balancing, &[], 7), None);
        }
    }
}
