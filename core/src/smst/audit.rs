//! The last look at a proof before it is sent.
//!
//! The chain's rules are a floor: it accepts proofs that were not found by an honest descent. Whatever leaves a miner must be
//! exactly what the rules of the trie say, judged on the bytes that are sent.

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::digest::PLACEHOLDER;
use super::gob::{self, GobError};
use super::path::bit;
use super::proof::{ClosestProof, ProofError};
use super::root::Root;
use super::trie::path_of;

/// What the claim says and the chain asks for.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// The claimed root.
    pub root: &'a Root,
    /// SHA-256 of the seed block's hash and the session id.
    pub path: &'a [u8; 32],
    /// Compute units of each relay of the session.
    pub weight: u64,
}

/// Why a proof must not be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AuditError {
    /// The bytes are no proof.
    #[error(transparent)]
    Gob(#[from] GobError),
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The bytes differ from what our encoder writes.
    #[error("the proof is not in our own encoding: encode it again")]
    Encoding,
    /// The proof answers another question.
    #[error(
        "the proof is for another path than the one of this session and seed block: prove again with the right path"
    )]
    Path,
    /// The proof verifies, but an honest descent ends elsewhere or says so differently.
    #[error("the proof does not describe the descent to the closest leaf: rebuild the trie and prove again")]
    Descent,
    /// The leaf is not at the place of its relay.
    #[error("the proven relay does not belong at the proven place: rebuild the trie from the log and prove again")]
    Place,
    /// The leaf has another weight or count.
    #[error(
        "the proven leaf weighs {weight} for {count} relays, not {expected} for one: rebuild the trie from the log"
    )]
    Weight {
        /// Weight in the proof.
        weight: u64,
        /// Count in the proof.
        count: u64,
        /// Compute units of each relay of the session.
        expected: u64,
    },
    /// The chain would not have accepted such a claim.
    #[error(
        "the claimed root is not the sum of equal relays ({sum} compute units, {count} relays of {weight}): check the claim"
    )]
    Sum {
        /// Sum of the root.
        sum: u64,
        /// Count of the root.
        count: u64,
        /// Compute units of each relay of the session.
        weight: u64,
    },
}

/// Checks everything about a proof that the trie decides; the relay in its leaf, signatures and difficulty are checked by
/// whoever sends it. Returns the proof that the bytes hold.
pub fn audit(bytes: &[u8], claimed: &Claimed<'_>) -> Result<ClosestProof, AuditError> {
    let proof = gob::decode(bytes)?.expand()?;
    if gob::encode(&proof.compact()) != bytes {
        return Err(AuditError::Encoding);
    }
    proof.verify(claimed.root)?;
    if proof.path != *claimed.path {
        return Err(AuditError::Path);
    }
    check_descent(&proof)?;
    check_leaf(&proof, claimed.weight)?;
    let (sum, count, weight) = (claimed.root.sum(), claimed.root.count(), claimed.weight);
    if count.checked_mul(weight) != Some(sum) {
        return Err(AuditError::Sum { sum, count, weight });
    }
    Ok(proof)
}

/// The leaf is as deep as there are side nodes, and bits were flipped exactly where the path differs, which may be only
/// where there is no sibling.
fn check_descent(proof: &ClosestProof) -> Result<(), AuditError> {
    let side_nodes = (0u16..).zip(proof.side_nodes.iter().rev());
    let differs = |depth: u16| bit(&proof.path, depth.into()) != bit(&proof.closest_path, depth.into());
    let honest: Vec<_> = side_nodes
        .filter(|(depth, side_node)| differs(*depth) && **side_node == PLACEHOLDER.to_bytes())
        .map(|(depth, _)| depth)
        .collect();
    if usize::from(proof.depth) == proof.side_nodes.len() && proof.flipped_bits == honest {
        Ok(())
    } else {
        Err(AuditError::Descent)
    }
}

fn check_leaf(proof: &ClosestProof, expected: u64) -> Result<(), AuditError> {
    let leaf = proof.leaf()?;
    if path_of(&Sha256::digest(leaf.relay).into()) != proof.closest_path {
        return Err(AuditError::Place);
    }
    if (leaf.weight, leaf.count) != (expected, 1) {
        return Err(AuditError::Weight { weight: leaf.weight, count: leaf.count, expected });
    }
    Ok(())
}
