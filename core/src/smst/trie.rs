//! The trie of one session.

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::digest::leaf_digest;
use super::root::Root;
use super::tree::{Leaf, Place, Tree};

/// The relays of one session and supplier, all of the same weight.
///
/// Relay bytes are not kept: a leaf is hashed when it is inserted, afterwards its `R`, a small reference such as the id of a
/// log entry, says where the bytes are. There is no removal: a trie with a wrong leaf is rebuilt from the log.
#[derive(Debug, Clone)]
pub struct Trie<R> {
    pub(super) tree: Tree<R>,
    weight: u64,
    sum: u64,
}

/// What an insertion did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The relay is a new leaf.
    New,
    /// The relay was there already; nothing changed, the first reference stays.
    Duplicate,
}

/// Why a leaf or a proof was refused. The trie is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrieError {
    /// One leaf of another weight makes the chain refuse the whole claim.
    #[error(
        "a relay weighs {weight} compute units, this session's relays weigh {expected}: do not count this relay, and check which height its compute units were read at"
    )]
    Weight {
        /// Weight of the refused relay.
        weight: u64,
        /// Weight of the session's relays.
        expected: u64,
    },
    /// The sum would exceed 64 bits.
    #[error(
        "the compute units of this session do not fit into 64 bits: claim what is in the trie and check the service's compute units per relay"
    )]
    Overflow,
    /// No memory or no index for another leaf.
    #[error(
        "no room for another relay in this trie ({leaves} leaves): give the miner more memory or spread its suppliers over more miners"
    )]
    Full {
        /// Leaves in the trie.
        leaves: usize,
    },
    /// There is nothing to prove.
    #[error("this trie has no leaves: there is nothing to prove, and no claim should exist for it")]
    Empty,
    /// The bytes of a leaf could not be had.
    #[error("the relay to be proven is not in the relay log: restore the log, or this claim cannot be proven")]
    ValueMissing,
    /// The bytes are not those that were inserted.
    #[error(
        "the relay in the log is not the one in the trie: rebuild the trie from the log and compare its root with the claim"
    )]
    ValueDiffers,
}

/// Which values a proof needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosestLeaf<R> {
    /// Reference of the relay that is proven.
    pub relay: R,
    /// Reference of the leaf beside it, if there is a leaf: its bytes are part of a proof that sends sibling data.
    pub sibling: Option<R>,
}

impl<R: Copy> Trie<R> {
    /// An empty trie for relays of `weight` compute units each.
    #[must_use]
    pub fn new(weight: u64) -> Self {
        Self { tree: Tree::new(), weight, sum: 0 }
    }

    /// Inserts the relay with SHA-256 `relay_hash` and bytes `relay`. All or nothing.
    pub fn insert(
        &mut self,
        relay_hash: &[u8; 32],
        relay: &[u8],
        weight: u64,
        value_ref: R,
    ) -> Result<Inserted, TrieError> {
        if weight != self.weight {
            return Err(TrieError::Weight { weight, expected: self.weight });
        }
        let path = path_of(relay_hash);
        let place = self.tree.locate(&path);
        if let Place::Present(_) = place {
            return Ok(Inserted::Duplicate);
        }
        let sum = self.sum.checked_add(weight).ok_or(TrieError::Overflow)?;
        let leaf = Leaf { path, hash: leaf_digest(&path, relay, weight, 1).hash, weight, value_ref };
        self.tree.add(place, leaf).map_err(|_| TrieError::Full { leaves: self.tree.leaves.len() })?;
        self.sum = sum;
        Ok(Inserted::New)
    }

    /// Whether the relay with this SHA-256 is a leaf.
    #[must_use]
    pub fn contains(&self, relay_hash: &[u8; 32]) -> bool {
        matches!(self.tree.locate(&path_of(relay_hash)), Place::Present(_))
    }

    /// The root. Hashes what changed since it was last asked for: some 0.2 µs a new leaf in a large trie.
    pub fn root(&mut self) -> Root {
        Root(self.tree.settle().to_bytes())
    }

    /// Compute units of all leaves.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// Number of leaves.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.tree.leaves.len() as u64
    }

    /// Compute units of each leaf.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// References of all leaves, in the order of insertion.
    #[must_use]
    pub fn value_refs(&self) -> impl ExactSizeIterator<Item = R> + '_ {
        self.tree.leaves.iter().map(|leaf| leaf.value_ref)
    }

    /// Bytes held on the heap, spare capacity included.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.tree.heap_bytes()
    }
}

/// The place of a relay: its hash is hashed again, so the difficulty does not crowd the leaves on one side.
pub(super) fn path_of(relay_hash: &[u8; 32]) -> [u8; 32] {
    Sha256::digest(relay_hash).into()
}
