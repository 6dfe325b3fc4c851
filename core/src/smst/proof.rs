//! A closest proof and its verification.

use thiserror::Error;

use super::compact::{CompactProof, compact};
use super::digest::{DIGEST, Digest, TAIL, leaf_digest, place, preimage_digest, sum_and_count};
use super::path::{bit, first_difference, flip};
use super::root::Root;

/// Depth of the deepest possible leaf: one level for each bit of a path.
pub(super) const MAX_DEPTH: u16 = 256;

/// Shows that the leaf at `closest_path` is in a trie, and by which descent from `path` it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosestProof {
    /// The path that was asked for: [`proof_path`](crate::proof) of block hash and session id.
    pub path: [u8; 32],
    /// Depths at which the descent had to leave `path`, because only the other side exists.
    pub flipped_bits: Vec<u16>,
    /// Depth of the leaf, which is the number of side nodes.
    pub depth: u16,
    /// SHA-256 of the relay hash of the proven relay.
    pub closest_path: [u8; 32],
    /// The proven relay, then its weight and the count 1 as big-endian 64-bit numbers.
    pub closest_value: Vec<u8>,
    /// Digests of the siblings on the way, the leaf's own first; zeros where there is none.
    pub side_nodes: Vec<[u8; DIGEST]>,
    /// Preimage of the first side node; empty if not sent.
    pub sibling_data: Vec<u8>,
}

/// The content of the proven leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvenLeaf<'a> {
    /// The bytes of the relay; never empty.
    pub relay: &'a [u8],
    /// Its compute units.
    pub weight: u64,
    /// Number of leaves that this leaf claims to be: 1.
    pub count: u64,
}

/// Why a proof does not hold. A proof of our own that fails must not be sent: the trie has to be rebuilt from the log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// A field has a length that it cannot have.
    #[error("{field} has {length} bytes: do not send this proof, rebuild the trie and prove again")]
    Length {
        /// Name of the field on the wire.
        field: &'static str,
        /// What was found.
        length: usize,
    },
    /// `ClosestProof` is absent.
    #[error("ClosestProof is absent: do not send this proof, rebuild the trie and prove again")]
    NoSides,
    /// Mask, number and list of side nodes do not belong together.
    #[error(
        "side nodes, their number and their bit mask do not fit: do not send this proof, rebuild the trie and prove again"
    )]
    SideNodes,
    /// Depth beyond 256.
    #[error("depth {0} is beyond 256: do not send this proof, rebuild the trie and prove again")]
    Depth(u16),
    /// A flipped bit beyond the depth.
    #[error("bit {0} is flipped below the leaf: do not send this proof, rebuild the trie and prove again")]
    FlippedBit(u16),
    /// The path, bits flipped, does not lead to the leaf.
    #[error("the path does not lead to the leaf: do not send this proof, rebuild the trie and prove again")]
    ClosestPath,
    /// The sibling data is not the preimage of the first side node.
    #[error("the sibling data does not hash to the sibling: do not send this proof, rebuild the trie and prove again")]
    SiblingData,
    /// There is no relay in the leaf.
    #[error("the leaf holds no relay: do not send this proof, rebuild the trie and prove again")]
    NoRelay,
    /// The proof belongs to another trie.
    #[error(
        "the proof leads to another root than the claimed one: rebuild the trie from the log and compare its root with the claim"
    )]
    Root,
}

impl ClosestProof {
    /// What the leaf holds.
    pub fn leaf(&self) -> Result<ProvenLeaf<'_>, ProofError> {
        let (relay, tail) = self.closest_value.split_last_chunk::<TAIL>().ok_or(ProofError::NoRelay)?;
        let (weight, count) = sum_and_count(tail);
        if relay.is_empty() { Err(ProofError::NoRelay) } else { Ok(ProvenLeaf { relay, weight, count }) }
    }

    /// The form that is sent.
    #[must_use]
    pub fn compact(&self) -> CompactProof {
        compact(self)
    }

    /// Checks the proof against a claimed root, by the rules of the chain and stricter where those look away: the leaf must
    /// hold a relay.
    pub fn verify(&self, root: &Root) -> Result<(), ProofError> {
        self.check_path()?;
        self.check_sides()?;
        let ProvenLeaf { relay, weight, count } = self.leaf()?;
        let leaf = leaf_digest(&self.closest_path, relay, weight, count);
        let depths = (0..self.side_nodes.len()).rev();
        let top = depths.zip(&self.side_nodes).fold(leaf, |below, (depth, side_node)| {
            place(bit(&self.closest_path, depth), &below, &Digest::from_bytes(side_node))
        });
        if top.to_bytes() == root.0 { Ok(()) } else { Err(ProofError::Root) }
    }

    /// The flipped bits must turn `path` into `closest_path`, as far down as the leaf is.
    fn check_path(&self) -> Result<(), ProofError> {
        if self.depth > MAX_DEPTH {
            return Err(ProofError::Depth(self.depth));
        }
        let mut path = self.path;
        for index in &self.flipped_bits {
            if *index > self.depth || *index >= MAX_DEPTH {
                return Err(ProofError::FlippedBit(*index));
            }
            flip(&mut path, (*index).into());
        }
        match first_difference(&path, &self.closest_path) {
            Some(index) if u16::from(index) < self.depth => Err(ProofError::ClosestPath),
            _ => Ok(()),
        }
    }

    /// At most one side node a level, and sibling data that fits the first.
    fn check_sides(&self) -> Result<(), ProofError> {
        if self.side_nodes.len() > MAX_DEPTH.into() {
            return Err(ProofError::SideNodes);
        }
        let Some(sibling) = self.side_nodes.first().filter(|_| !self.sibling_data.is_empty()) else { return Ok(()) };
        let digest = preimage_digest(&self.sibling_data).ok_or(ProofError::SiblingData)?;
        if digest.to_bytes() == *sibling { Ok(()) } else { Err(ProofError::SiblingData) }
    }
}
