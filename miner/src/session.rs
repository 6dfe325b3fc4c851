//! One session of one supplier, as its owner holds it in memory. All of it can be rebuilt from the log, the record and the seal.

use relay_core::address::Address;
use relay_core::chain::{Chain, ChainError};
use relay_core::relay::Target;
use relay_core::session::Windows;
use relay_core::smst::{Inserted, Root, Trie, TrieError};
use relay_core::store::{EntryId, LogEntry};
use relay_core::units::{ComputeUnits, Height};

use crate::admission::{Refusal, Terms};
use crate::lifecycle::{ClaimView, Requirement};
use crate::record::{Outcome, SessionRecord, Tally};

/// A session in memory.
#[expect(clippy::struct_excessive_bools, reason = "independent facts, each known or not")]
pub struct Session {
    /// What is durable.
    pub record: SessionRecord,
    /// The frozen root, once it exists.
    pub seal: Option<Root>,
    /// The seal was confirmed durable by this process.
    pub seal_confirmed: bool,
    /// The last positive answer of the chain about the claim, or the newest one.
    pub claim: ClaimView,
    /// Whether the claim on chain needs a proof, and the block at which that was last found so.
    pub requirement: Option<(Requirement, Height)>,
    /// What the settlement block says, once read.
    pub outcome: Option<Outcome>,
    /// The session's windows, as far as the chain can tell now.
    pub windows: Option<Windows>,
    /// Entries of the log, as its head says.
    pub appended: u64,
    /// The closed log was read to its end by this process.
    pub drained: bool,
    /// Blocks that pass between closing and the first broadcast.
    pub sealing_takes: i64,
    /// A live relayer may still bring relays of this session.
    pub held_by_relayers: bool,
    /// Redis lost its tail not long ago, and a claim may be on its way that nothing here tells of.
    pub in_doubt: bool,
    intake: Option<Intake>,
}

/// The trie and how far the log was read into it.
struct Intake {
    terms: Terms,
    trie: Trie<EntryId>,
    cursor: Option<EntryId>,
    duplicates: u64,
    unclaimable: u64,
    entries: u64,
}

/// What became of a batch of entries.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Taken {
    /// New leaves.
    pub leaves: u64,
    /// Entries whose relay was a leaf already.
    pub duplicates: u64,
    /// Entries that cannot be claimed, by reason.
    pub refused: Vec<Refusal>,
}

impl Session {
    /// A session of which only the record is known.
    #[must_use]
    pub fn new(record: SessionRecord) -> Self {
        Self {
            record,
            seal: None,
            seal_confirmed: false,
            claim: ClaimView::Unknown,
            requirement: None,
            outcome: None,
            windows: None,
            appended: 0,
            drained: false,
            sealing_takes: 0,
            // Until relayers were asked they are taken to hold something: closing can wait, what it cuts off cannot come back.
            held_by_relayers: true,
            in_doubt: false,
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
        let ComputeUnits(weight) = chain.compute_units_at(&header.service, header.start).await?;
        let terms = Terms { supplier: supplier.clone(), header: header.clone(), target, largest_relay };
        let trie = Trie::new(weight);
        self.intake = Some(Intake { terms, trie, cursor: None, duplicates: 0, unclaimable: 0, entries: 0 });
        Ok(())
    }

    /// The last entry that was read.
    #[must_use]
    pub fn cursor(&self) -> Option<EntryId> {
        self.intake.as_ref().and_then(|intake| intake.cursor)
    }

    /// Reads entries, in the order of the log, into the trie.
    pub fn take(&mut self, entries: &[LogEntry]) -> Result<Taken, TrieError> {
        let mut taken = Taken::default();
        let Some(intake) = &mut self.intake else { return Ok(taken) };
        for entry in entries {
            intake.take(entry, &mut taken)?;
        }
        Ok(taken)
    }

    /// What the relays came to so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.intake.as_ref().map_or_else(Tally::default, |intake| Tally {
            entries: intake.entries,
            leaves: intake.trie.count(),
            duplicates: intake.duplicates,
            unclaimable: intake.unclaimable,
            compute_units: ComputeUnits(intake.trie.sum()),
        })
    }

    /// The trie, for its root and proofs.
    pub fn trie(&mut self) -> Option<&mut Trie<EntryId>> {
        self.intake.as_mut().map(|intake| &mut intake.trie)
    }

    /// The trie's root, once the log was read to its end.
    pub fn root(&mut self) -> Option<[u8; 48]> {
        let appended = self.appended;
        let whole = self.intake.as_ref().is_some_and(|intake| intake.entries == appended && intake.trie.count() > 0);
        if !whole {
            return None;
        }
        self.trie().map(|trie| *trie.root().as_bytes())
    }

    /// Keeps the newest answer about the claim; silence and older news never replace a claim that was seen.
    pub fn note_claim(&mut self, answer: ClaimView, settlement: Height) {
        self.claim = self.claim.then(answer, settlement);
    }
}

impl Intake {
    fn take(&mut self, entry: &LogEntry, taken: &mut Taken) -> Result<(), TrieError> {
        match self.terms.admit(&entry.relay) {
            Ok(hash) => match self.trie.insert(&hash.0, &entry.relay, self.trie.weight(), entry.id)? {
                Inserted::New => taken.leaves += 1,
                Inserted::Duplicate => {
                    taken.duplicates += 1;
                    self.duplicates += 1;
                }
            },
            Err(refusal) => {
                taken.refused.push(refusal);
                self.unclaimable += 1;
            }
        }
        self.entries += 1;
        self.cursor = Some(entry.id);
        Ok(())
    }
}

/// The windows of a session: parameters at its end, or the newest ones while the end is still to come.
pub async fn windows(chain: &Chain, end: Height) -> Result<Windows, ChainError> {
    Ok(Windows::of(end, &*chain.params_at(end).await?))
}
