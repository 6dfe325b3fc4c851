//! What goes wrong and when: a schedule made from a seed and from nothing else.

use std::fmt;
use std::ops::RangeInclusive;

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::fault::{Fault, Step, Target};

/// Miners that share the work.
pub(crate) const MINERS: usize = 3;
/// Blocks of a session.
pub(crate) const SESSION: u64 = 10;
/// Blocks of a claim window. Sealing takes about 15 s where Redis cannot confirm what is durable; several calms fit.
pub(crate) const CLAIM: u64 = 60;
/// Blocks of a proof window. A calm that lets a successor take over, read its logs and prove fits, wherever it begins.
pub(crate) const PROOF: u64 = 40;
/// Blocks by which governance may widen a window.
pub(crate) const WIDER: u64 = 5;

/// Faults of one episode at most; they overlap.
const AT_ONCE: RangeInclusive<usize> = 1..=4;
/// Blocks into an episode at which a fault begins.
const BEGIN: RangeInclusive<u64> = 0..=2;
/// Blocks without a fault between two episodes: a lease, a take-over and a transaction fit.
const CALM: RangeInclusive<u64> = 16..=20;
/// Blocks before the last proof window ends in which nothing new begins.
const END: u64 = 20;

/// Whether an answer waits until its relay is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recording {
    /// It does: whoever dies, what was answered is in the log.
    Strict,
    /// Not for long: relays may be in the relayer's memory alone, so the relayer is not killed.
    Bounded,
}

/// One run: how relays are recorded, and what is done at which block. Blocks are counted from the start at the chain's own pace;
/// those that a jump adds are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) recording: Recording,
    pub(crate) steps: Vec<(u64, Step)>,
}

impl Scenario {
    /// The scenario of this seed for a load of so many sessions.
    pub(crate) fn new(seed: u64, sessions: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let recording = if random.random_bool(0.7) { Recording::Strict } else { Recording::Bounded };
        let end = sessions * SESSION + CLAIM + PROOF - END;
        let mut steps = Vec::new();
        let mut at = random.random_range(CALM);
        while at < end {
            let mut last = at;
            for fault in episode(&mut random, recording) {
                let began = at + random.random_range(BEGIN);
                let (first, then) = fault.steps();
                steps.push((began, first));
                steps.extend(then.map(|(after, undo)| (began + after, undo)));
                last = last.max(began + fault.lasts());
            }
            at = last + random.random_range(CALM);
        }
        steps.sort_by_key(|(at, _)| *at);
        Self { seed, recording, steps }
    }
}

/// Some faults at the same time, each of another target.
fn episode(random: &mut StdRng, recording: Recording) -> Vec<Fault> {
    let mut targets: Vec<_> = (0..MINERS).map(Target::Miner).collect();
    targets.extend([Target::Redis, Target::Node, Target::Pace, Target::Governance]);
    if recording == Recording::Strict {
        targets.push(Target::Relayer);
    }
    targets.shuffle(random);
    targets.truncate(random.random_range(AT_ONCE));
    let mut faults: Vec<_> = targets.iter().map(|target| Fault::draw(*target, random)).collect();
    // A relayer and the unsynced tail of Redis, lost together, are the one loss that docs/failure-modes.md accepts.
    if faults.iter().any(|fault| matches!(fault, Fault::PowerLoss { .. })) {
        faults.retain(|fault| !matches!(fault, Fault::KillRelayer { .. }));
    }
    faults
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, recording: {:?}", self.seed, self.recording)?;
        self.steps.iter().try_for_each(|(at, step)| writeln!(f, "  block {at:3}: {step:?}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const SEEDS: u64 = 300;

    #[test]
    fn a_seed_is_a_scenario() {
        assert_eq!(Scenario::new(7, 7), Scenario::new(7, 7));
        assert_ne!(Scenario::new(7, 7).steps, Scenario::new(8, 7).steps);
    }

    /// No proof window lies in trouble from its first block to its last, and at the end all is well again.
    #[test]
    fn every_trouble_ends_and_a_calm_follows() {
        for scenario in (0..SEEDS).map(|seed| Scenario::new(seed, 7)) {
            let mut open = BTreeSet::new();
            let (mut began, mut calm_since) = (0, 0);
            for (at, step) in &scenario.steps {
                if open.is_empty() && *at > calm_since + *BEGIN.end() {
                    assert!(at - calm_since >= *CALM.start(), "{scenario}");
                    began = *at;
                }
                match step.undoes() {
                    Some(target) => assert!(open.remove(&target), "{scenario}"),
                    None if step.lasts() => assert!(open.insert(step.target()), "{scenario}"),
                    None => {}
                }
                calm_since = *at;
                assert!(at - began + CALM.start() < PROOF, "{scenario}");
            }
            assert!(open.is_empty(), "{scenario}");
            assert!(calm_since + 5 < 7 * SESSION + CLAIM + PROOF, "{scenario}");
        }
    }

    #[test]
    fn what_may_be_lost_by_design_does_not_happen() {
        for scenario in (0..SEEDS).map(|seed| Scenario::new(seed, 7)) {
            let at = |wanted: fn(&Step) -> bool| -> Vec<u64> {
                scenario.steps.iter().filter(|(_, step)| wanted(step)).map(|(at, _)| *at).collect()
            };
            let kills = at(|step| *step == Step::KillRelayer);
            assert!(kills.is_empty() || scenario.recording == Recording::Strict, "{scenario}");
            for loss in at(|step| matches!(step, Step::CutPower { .. })) {
                assert!(kills.iter().all(|kill| kill.abs_diff(loss) > 10), "{scenario}");
            }
        }
    }

    #[test]
    fn every_kind_of_fault_is_drawn() {
        let steps: Vec<_> = (0..SEEDS).flat_map(|seed| Scenario::new(seed, 7).steps).map(|(_, step)| step).collect();
        let kinds: BTreeSet<_> = steps.iter().map(Step::kind).collect();
        assert_eq!(kinds.len(), Step::KINDS, "{kinds:?}");
    }
}
