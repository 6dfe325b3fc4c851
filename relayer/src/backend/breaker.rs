//! Whether a node is worth asking, judged by how it answered: closed → open → one trial at a time → closed. A pure state
//! machine over the times it is given.

use std::time::{Duration, Instant};

use crate::config::BreakerConfig;

/// The pause between trials grows to this many times the first.
const LONGEST: u32 = 16;

/// What the last answers of a node say about it.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    failures_allowed: u32,
    recovery: Duration,
    trials: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Asked as usual.
    Closed { failures: u32 },
    /// Left alone until `retry`.
    Open { since: Instant, retry: Instant, pause: Duration },
    /// One request is out to see whether it works again. Should that one never come back, another may go at `retry`.
    Trying { since: Instant, retry: Instant, pause: Duration, trial: u64 },
}

/// The right to ask once. Its outcome is reported with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// One of many.
    Regular,
    /// The one that decides.
    Trial(u64),
}

/// What an outcome changed. Exactly one outcome reports each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It is left alone from now on.
    Down {
        /// Failures in a row.
        failures: u32,
        /// How long until it is tried again.
        pause: Duration,
    },
    /// It works again.
    Up {
        /// How long it did not.
        after: Duration,
    },
}

impl Breaker {
    pub(super) fn new(config: &BreakerConfig) -> Self {
        let (failures_allowed, recovery) = (config.failures.max(1), config.recovery.0);
        Self { failures_allowed, recovery, trials: 0, state: State::Closed { failures: 0 } }
    }

    /// Whether [`Breaker::enter`] would give a permit.
    pub(super) fn admits(&self, now: Instant) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { retry, .. } | State::Trying { retry, .. } => now >= retry,
        }
    }

    /// Asks for the right to ask the node once.
    pub(super) fn enter(&mut self, now: Instant) -> Option<Permit> {
        match self.state {
            State::Closed { .. } => Some(Permit::Regular),
            State::Open { since, retry, pause } | State::Trying { since, retry, pause, .. } if now >= retry => {
                self.trials += 1;
                self.state = State::Trying { since, retry: now + pause, pause, trial: self.trials };
                Some(Permit::Trial(self.trials))
            }
            State::Open { .. } | State::Trying { .. } => None,
        }
    }

    /// The node did its part.
    pub(super) fn succeeded(&mut self, permit: Permit, now: Instant) -> Option<Change> {
        match self.state {
            State::Closed { .. } => self.state = State::Closed { failures: 0 },
            State::Trying { since, trial, .. } if permit == Permit::Trial(trial) => {
                self.state = State::Closed { failures: 0 };
                return Some(Change::Up { after: now.saturating_duration_since(since) });
            }
            // Asked before it was opened: what decides is the trial.
            State::Open { .. } | State::Trying { .. } => {}
        }
        None
    }

    /// The node failed.
    pub(super) fn failed(&mut self, permit: Permit, now: Instant) -> Option<Change> {
        match self.state {
            State::Closed { failures } if failures + 1 < self.failures_allowed => {
                self.state = State::Closed { failures: failures + 1 };
                None
            }
            State::Closed { failures } => {
                let pause = self.recovery;
                self.state = State::Open { since: now, retry: now + pause, pause };
                Some(Change::Down { failures: failures + 1, pause })
            }
            State::Trying { since, pause, trial, .. } if permit == Permit::Trial(trial) => {
                let pause = (pause * 2).min(self.recovery * LONGEST);
                self.state = State::Open { since, retry: now + pause, pause };
                None
            }
            State::Open { .. } | State::Trying { .. } => None,
        }
    }

    /// Nothing was learnt about the node. A trial may be had by the next.
    pub(super) fn neutral(&mut self, permit: Permit, now: Instant) {
        if let State::Trying { since, pause, trial, .. } = self.state
            && permit == Permit::Trial(trial)
        {
            self.state = State::Open { since, retry: now, pause };
        }
    }
}

#[cfg(test)]
mod tests;
