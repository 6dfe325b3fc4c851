use super::{ProofParams, seeded_float};
use crate::units::Upokt;

/// Whether the chain wants a proof for a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// None; it would even be refused.
    NotRequired,
    /// The claim was drawn.
    Probabilistic,
    /// The claim is worth too much to leave it to chance.
    Threshold,
}

impl Requirement {
    /// Whether the claim is lost without a proof.
    #[must_use]
    pub fn is_required(self) -> bool {
        self != Self::NotRequired
    }
}

/// Decides as the chain does. `claim_hash` is that of the stored claim, [`Claim::hash_while_pending`](super::Claim) for a
/// proof that is still to be sent; `seed_block_hash` is that of the block before the proof window opens.
#[must_use]
pub fn requirement(
    claim_hash: &[u8; 32],
    claimed: Upokt,
    params: &ProofParams,
    seed_block_hash: &[u8; 32],
) -> Requirement {
    if claimed >= params.threshold {
        Requirement::Threshold
    } else if seeded_float(&[*claim_hash, *seed_block_hash].concat()) <= params.probability {
        Requirement::Probabilistic
    } else {
        Requirement::NotRequired
    }
}
