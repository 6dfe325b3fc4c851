use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use relay_core::store::Append;
use tokio::sync::oneshot;

use super::room::Room;

/// Where a relay stands between its request and the publisher. Each side moves it on with one atomic step, so that no relay
/// is counted twice or not at all.
#[derive(Debug, Clone)]
pub(super) struct Standing(Arc<AtomicU8>);

/// In the queue, its answer waiting.
const QUEUED: u8 = 0;
/// On its way to Redis, its answer waiting.
const SENT: u8 = 1;
/// Its answer has left without it.
const LEFT: u8 = 2;
/// Its answer was withheld before it was sent: it must not be sent any more.
const WITHDRAWN: u8 = 3;
/// Its answer was withheld after it was sent: nobody knows whether Redis has it.
const DOUBTFUL: u8 = 4;
/// Redis has decided.
const SETTLED: u8 = 5;

/// A relay in the publisher's hands.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) append: Append,
    pub(super) standing: Standing,
    pub(super) answer: oneshot::Sender<Fate>,
    pub(super) room: Room,
}

/// What Redis decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Appended,
    Late,
}

/// Who was waiting when Redis decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counterpart {
    /// An answer, which leaves now.
    Waiting,
    /// Nobody: the answer left before.
    Left,
    /// Nobody: the answer was withheld.
    Withheld,
}

/// How a wait that ran out ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// As asked: the publisher knows.
    Done,
    /// Redis decided in the same moment: its answer is there.
    Settled,
}

impl Standing {
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(QUEUED)))
    }

    /// The publisher takes the relay into a batch. `false` when it was withdrawn.
    pub(super) fn send(&self) -> bool {
        self.step(|now| match now {
            QUEUED => Some(SENT),
            WITHDRAWN => None,
            other => Some(other),
        })
        .is_ok()
    }

    /// Redis has decided.
    pub(super) fn settle(&self) -> Counterpart {
        match self.0.swap(SETTLED, Ordering::AcqRel) {
            LEFT => Counterpart::Left,
            WITHDRAWN | DOUBTFUL => Counterpart::Withheld,
            _ => Counterpart::Waiting,
        }
    }

    /// The answer leaves without waiting any longer.
    pub(super) fn leave(&self) -> GivenUp {
        self.give_up(|_| LEFT)
    }

    /// The answer is withheld.
    pub(super) fn withhold(&self) -> GivenUp {
        self.give_up(|now| if now == QUEUED { WITHDRAWN } else { DOUBTFUL })
    }

    fn give_up(&self, to: impl Fn(u8) -> u8) -> GivenUp {
        match self.step(|now| (now != SETTLED).then(|| to(now))) {
            Ok(()) => GivenUp::Done,
            Err(()) => GivenUp::Settled,
        }
    }

    fn step(&self, next: impl FnMut(u8) -> Option<u8>) -> Result<(), ()> {
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).map(|_| ()).map_err(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_time_is_met() {
        let standing = Standing::new();
        assert!(standing.send());
        assert_eq!(standing.settle(), Counterpart::Waiting);
        assert_eq!(standing.leave(), GivenUp::Settled);
        assert_eq!(standing.withhold(), GivenUp::Settled);
    }

    #[test]
    fn an_answer_that_left_is_remembered() {
        let standing = Standing::new();
        assert_eq!(standing.leave(), GivenUp::Done);
        assert!(standing.send(), "it is recorded all the same");
        assert!(standing.send(), "and tried again");
        assert_eq!(standing.settle(), Counterpart::Left);
    }

    #[test]
    fn a_withheld_relay_is_never_sent_unless_it_was() {
        let queued = Standing::new();
        assert_eq!(queued.withhold(), GivenUp::Done);
        assert!(!queued.send());
        let sent = Standing::new();
        assert!(sent.send());
        assert_eq!(sent.withhold(), GivenUp::Done);
        assert!(sent.send(), "in doubt it is made certain");
        assert_eq!(sent.settle(), Counterpart::Withheld);
    }
}
