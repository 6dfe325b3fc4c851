//! One session of one supplier, as its owner holds it in memory. All of it can be rebuilt from the log, the record and the seal.

use std::time::Duration;

use relay_core::address::Address;
use relay_core::chain::{Chain, ChainError};
use relay_core::relay::Target;
use relay_core::session::Windows;
use relay_core::smst::{Root, Trie};
use relay_core::store::{EntryId, LogEntry};
use relay_core::units::Height;

use crate::intake::{Intake, Taken, Terms};
use crate::lifecycle::{ClaimView, Phase, Requirement};
use crate::record::{Outcome, SessionRecord, Tally};
use crate::submission::Worth;

/// A session in memory.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each known or not")]
pub struct Session {
    /// What is durable.
    pub record: SessionRecord,
    /// The frozen root, once it exists.
    pub seal: Option<Root>,
    /// Monotonic time of closing, if this process did it and the seal is not durable yet.
    pub closed_since: Option<Duration>,
    /// Where the session stood when it was last looked at.
    pub phase: Phase,
    /// The seal was confirmed durable by this process.
    pub seal_confirmed: bool,
    /// The last positive answer of the chain about the claim, or the newest one.
    pub claim: ClaimView,
    /// The claim was seen on chain at some time.
    pub claim_was_seen: bool,
    /// Whether the claim on chain needs a proof, and the block at which that was last found so.
    pub requirement: Option<(Requirement, Height)>,
    /// What the claim is worth, once it was weighed.
    pub worth: Option<Worth>,
    /// What the settlement block says, once read.
    pub outcome: Option<Outcome>,
    /// The session's windows, as far as the chain can tell now.
    pub windows: Option<Windows>,
    /// Entries of the log, as its head says.
    pub appended: u64,
    /// Everything that was appended before the close is durable, as seen by this process.
    pub close_confirmed: bool,
    /// The closed log was read to its end by this process.
    pub drained: bool,
    /// Blocks that pass between closing and the first broadcast.
    pub sealing_takes: i64,
    /// A live relayer may still bring relays of this session.
    pub held_by_relayers: bool,
    /// Redis lost its tail not long ago, and a claim may be on its way that nothing here tells of.
    pub in_doubt: bool,
    /// When the log was first known to be longer than what was read of it; `None` while it is not. By the monotonic clock.
    pub unread_since: Option<Duration>,
    intake: Option<Intake>,
}

impl Session {
    /// A session of which only the record is known.
    #[must_use]
    pub fn new(record: SessionRecord) -> Self {
        Self {
            record,
            seal: None,
            closed_since: None,
            phase: Phase::Open,
            seal_confirmed: false,
            claim: ClaimView::Unknown,
            claim_was_seen: false,
            requirement: None,
            worth: None,
            outcome: None,
            windows: None,
            appended: 0,
            close_confirmed: false,
            drained: false,
            sealing_takes: 0,
            // Until relayers were asked they are taken to hold something: closing can wait, what it cuts off cannot come back.
            held_by_relayers: true,
            in_doubt: false,
            unread_since: None,
            intake: None,
        }
    }

    /// The same session under a new lease: what was read of its log stays, all else is seen anew.
    #[must_use]
    pub fn again(self, record: SessionRecord) -> Self {
        Self { intake: self.intake, ..Self::new(record) }
    }

    /// Whether the chain's values at the session start are known, without which no relay can be weighed.
    #[must_use]
    pub fn is_priced(&self) -> bool {
        self.intake.is_some()
    }

    /// Asks the chain for the values at the session start. They never change, and are never guessed.
    pub async fn price(&mut self, chain: &Chain, supplier: &Address, largest_relay: usize) -> Result<(), ChainError> {
        if self.intake.is_some() {
            return Ok(());
        }
        let header = &self.record.header;
        let target = Target(chain.difficulty_at(&header.service, header.start).await?);
        let weight = chain.compute_units_at(&header.service, header.start).await?;
        let terms = Terms { supplier: supplier.clone(), header: header.clone(), target, largest_relay };
        self.intake = Some(Intake::new(terms, weight));
        Ok(())
    }

    /// Lends out what was read, to go on reading elsewhere. Until it is put back the session has no price; if it never is,
    /// everything is read again.
    pub fn lend_intake(&mut self) -> Option<Intake> {
        self.intake.take()
    }

    /// Takes it back.
    pub fn return_intake(&mut self, intake: Intake) {
        self.intake = Some(intake);
    }

    /// The last entry that was read.
    #[must_use]
    pub fn cursor(&self) -> Option<EntryId> {
        self.intake.as_ref().and_then(Intake::cursor)
    }

    /// Reads entries, in the order of the log, into the trie.
    pub fn take(&mut self, entries: &[LogEntry]) -> Taken {
        self.intake.as_mut().map(|intake| intake.take(entries)).unwrap_or_default()
    }

    /// What the relays came to so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.intake.as_ref().map_or_else(Tally::default, Intake::tally)
    }

    /// Entries of the log that are not read yet, as its head says.
    #[must_use]
    pub fn unread(&self) -> u64 {
        self.appended.saturating_sub(self.tally().entries)
    }

    /// The trie, for its root and proofs.
    pub fn trie(&mut self) -> Option<&mut Trie<EntryId>> {
        self.intake.as_mut().map(Intake::trie)
    }

    /// The trie's root, once the log was read to its end.
    pub fn root(&mut self) -> Option<[u8; 48]> {
        let tally = self.tally();
        let whole = tally.entries == self.appended && tally.leaves > 0;
        if !whole {
            return None;
        }
        self.trie().map(|trie| *trie.root().as_bytes())
    }

    /// Keeps the newest answer about the claim; silence and older news never replace a claim that was seen.
    pub fn note_claim(&mut self, answer: ClaimView, settlement: Height) {
        self.claim = self.claim.then(answer, settlement);
        self.claim_was_seen |= matches!(self.claim, ClaimView::Found { .. });
    }
}

/// The windows of a session: parameters at its end, or the newest ones while the end is still to come.
pub async fn windows(chain: &Chain, end: Height) -> Result<Windows, ChainError> {
    Ok(Windows::of(end, &*chain.params_at(end).await?))
}
