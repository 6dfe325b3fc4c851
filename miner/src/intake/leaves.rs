//! What was read of one session's log so far.

use relay_core::session::SessionHeader;
use relay_core::smst::{Inserted, Trie, TrieError};
use relay_core::store::{EntryId, LogEntry};
use relay_core::units::ComputeUnits;

use super::admission::{Refusal, Terms};
use super::piece::PieceSize;
use crate::record::Tally;

/// The trie, how far the log was read into it, and what became of the entries. Nothing else is kept of a relay: its bytes
/// stay in the log, the leaf has the entry's id, and whether a relay came before is known from the trie.
#[derive(Debug)]
pub struct Intake {
    terms: Terms,
    trie: Trie<EntryId>,
    cursor: Option<EntryId>,
    entries: u64,
    duplicates: u64,
    unclaimable: u64,
    pub(super) size: PieceSize,
}

/// What became of a batch of entries.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Taken {
    /// New leaves.
    pub leaves: u64,
    /// Entries whose relay was a leaf already.
    pub duplicates: u64,
    /// Entries that are passed over, by the number of their reason in [`Refusal::ALL`].
    pub refused: [u64; Refusal::ALL.len()],
    /// Entries that are passed over because the trie cannot take them, now or ever.
    pub uncountable: u64,
    /// What stopped the reading before the end of the batch. The entry behind the cursor is tried again.
    pub trouble: Option<Trouble>,
}

/// Why an entry cannot be taken now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no memory for another leaf: {0}")]
pub struct Trouble(TrieError);

/// Indices of a trie have 31 bits. One with fewer leaves that takes no more is out of memory.
const MOST_LEAVES: usize = 1 << 31;

impl Taken {
    /// The reasons that occurred, with their numbers of entries.
    pub fn refusals(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.into_iter().zip(self.refused).filter(|(_, count)| *count > 0)
    }

    /// Entries that were read.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.leaves + self.duplicates + self.uncountable + self.refused.iter().sum::<u64>()
    }
}

impl Intake {
    /// Nothing is read yet of a session whose relays weigh `weight` each.
    #[must_use]
    pub fn new(terms: Terms, ComputeUnits(weight): ComputeUnits) -> Self {
        let trie = Trie::new(weight);
        Self { terms, trie, cursor: None, entries: 0, duplicates: 0, unclaimable: 0, size: PieceSize::default() }
    }

    /// The session.
    #[must_use]
    pub fn header(&self) -> &SessionHeader {
        &self.terms.header
    }

    /// The last entry that was read.
    #[must_use]
    pub fn cursor(&self) -> Option<EntryId> {
        self.cursor
    }

    /// What the relays came to so far.
    #[must_use]
    pub fn tally(&self) -> Tally {
        Tally {
            entries: self.entries,
            leaves: self.trie.count(),
            duplicates: self.duplicates,
            unclaimable: self.unclaimable,
            compute_units: ComputeUnits(self.trie.sum()),
        }
    }

    /// The trie, for its root and proofs.
    pub fn trie(&mut self) -> &mut Trie<EntryId> {
        &mut self.trie
    }

    /// Bytes of memory for all of this, spare capacity included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.trie.heap_bytes()
    }

    /// Takes entries in the order of the log. What cannot be claimed is counted and passed over.
    pub fn take(&mut self, entries: &[LogEntry]) -> Taken {
        let mut taken = Taken::default();
        for entry in entries {
            match self.terms.admit(&entry.relay) {
                Ok(hash) => match self.trie.insert(&hash.0, &entry.relay, self.trie.weight(), entry.id) {
                    Ok(Inserted::New) => taken.leaves += 1,
                    Ok(Inserted::Duplicate) => taken.duplicates += 1,
                    Err(error) if is_passing(&error) => {
                        taken.trouble = Some(Trouble(error));
                        break;
                    }
                    Err(_) => taken.uncountable += 1,
                },
                Err(refusal) => taken.refused[refusal as usize] += 1,
            }
            self.cursor = Some(entry.id);
        }
        self.entries += taken.entries();
        self.duplicates += taken.duplicates;
        self.unclaimable += taken.entries() - taken.leaves - taken.duplicates;
        taken
    }
}

/// Whether the same entry may be taken later. Passing over an entry must not depend on this process: another owner, with more
/// memory, would make another root of the same log.
fn is_passing(error: &TrieError) -> bool {
    matches!(error, TrieError::Full { leaves } if *leaves < MOST_LEAVES)
}

#[cfg(test)]
mod tests;
