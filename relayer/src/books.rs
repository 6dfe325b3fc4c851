//! What became of every relay that was answered: `answered = appended + late + below difficulty + unrecorded`.
//!
//! A miner adds what it knows (settled, duplicate, unprofitable, over-serviced), and nothing may be left unexplained.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Counters of one relayer, since its start.
#[derive(Debug, Default)]
pub(crate) struct Books {
    answered: AtomicU64,
    appended: AtomicU64,
    late: AtomicU64,
    below_difficulty: AtomicU64,
    unrecorded: AtomicU64,
    withheld: AtomicU64,
    appended_withheld: AtomicU64,
    appended_again: AtomicU64,
    again_late: AtomicU64,
    replayed: AtomicU64,
    shed: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entries {
    /// Signed answers given.
    pub answered: u64,
    /// Of these: in the log.
    pub appended: u64,
    /// Of these: refused by the log, because their session was closed.
    pub late: u64,
    /// Of these: not recorded, because the chain does not count them.
    pub below_difficulty: u64,
    /// Of these: only in this relayer's memory yet. What a crash would lose.
    pub unrecorded: u64,
    /// Served but refused by strict recording: no answer left.
    pub withheld: u64,
    /// Of these: in the log nevertheless, because they were on their way when the wait ended. More leaves than answers.
    pub appended_withheld: u64,
    /// Written once more after Redis lost its last seconds. The log may hold them twice; they count once.
    pub appended_again: u64,
    /// Not written once more, because their session was closed meanwhile: lost, if Redis had lost them.
    pub again_late: u64,
    /// Refused as a replay.
    pub replayed: u64,
    /// Refused for lack of room.
    pub shed: u64,
}

impl Entries {
    /// Answers that no counter explains; not zero only while relays are between two counters.
    #[must_use]
    pub fn unexplained(&self) -> i128 {
        let explained = [self.appended, self.late, self.below_difficulty, self.unrecorded].map(i128::from);
        i128::from(self.answered) - explained.iter().sum::<i128>()
    }
}

/// One column of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Answered,
    Appended,
    Late,
    BelowDifficulty,
    Unrecorded,
    Withheld,
    AppendedWithheld,
    AppendedAgain,
    AgainLate,
    Replayed,
    Shed,
}

impl Books {
    fn column(&self, column: Column) -> &AtomicU64 {
        match column {
            Column::Answered => &self.answered,
            Column::Appended => &self.appended,
            Column::Late => &self.late,
            Column::BelowDifficulty => &self.below_difficulty,
            Column::Unrecorded => &self.unrecorded,
            Column::Withheld => &self.withheld,
            Column::AppendedWithheld => &self.appended_withheld,
            Column::AppendedAgain => &self.appended_again,
            Column::AgainLate => &self.again_late,
            Column::Replayed => &self.replayed,
            Column::Shed => &self.shed,
        }
    }

    pub(crate) fn add(&self, column: Column) {
        self.column(column).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn take(&self, column: Column) {
        self.column(column).fetch_sub(1, Ordering::Relaxed);
    }

    /// The counters now.
    #[must_use]
    pub(crate) fn entries(&self) -> Entries {
        let read = |column| self.column(column).load(Ordering::Relaxed);
        Entries {
            answered: read(Column::Answered),
            appended: read(Column::Appended),
            late: read(Column::Late),
            below_difficulty: read(Column::BelowDifficulty),
            unrecorded: read(Column::Unrecorded),
            withheld: read(Column::Withheld),
            appended_withheld: read(Column::AppendedWithheld),
            appended_again: read(Column::AppendedAgain),
            again_late: read(Column::AgainLate),
            replayed: read(Column::Replayed),
            shed: read(Column::Shed),
        }
    }
}
