use crate::address::Address;
use crate::proof::{Claim, ClaimError};
use crate::proto::pocket::proof::MsgCreateClaim;
use crate::session::{HeaderMismatch, SessionHeader, Windows};
use crate::units::{ComputeUnits, Height};

/// What the chain knows about the session of a claim.
#[derive(Debug, Clone, Copy)]
pub struct ClaimTerms<'a> {
    /// The session as the chain gives it for its first block.
    pub session: &'a SessionHeader,
    /// Operator addresses of its suppliers.
    pub suppliers: &'a [Address],
    /// Its windows, under the parameters in force at its end.
    pub windows: &'a Windows,
    /// The block that is to hold the claim.
    pub height: Height,
    /// Compute units per relay in force at its first block.
    pub compute_units_per_relay: ComputeUnits,
}

/// Why the chain would refuse a claim.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClaimRefusal {
    /// Against the basic rules.
    #[error(transparent)]
    Basic(#[from] ClaimError),
    /// Another session than the chain's. The chain compares the id only; a wrong height would make the claim unprovable.
    #[error(transparent)]
    Session(#[from] HeaderMismatch),
    /// Not drawn for this session.
    #[error("supplier {0} not found in session")]
    Supplier(Address),
    /// Too early or too late.
    #[error("block {height} is outside the claim window {open} to {close}")]
    Window {
        /// The block.
        height: Height,
        /// First block of the window.
        open: Height,
        /// Last block of the window.
        close: Height,
    },
    /// A leaf has another weight than the chain expects.
    #[error("{sum} compute units are not {count} relays of {per_relay}: rebuild the trie from the log")]
    Weight {
        /// Claimed compute units.
        sum: u64,
        /// Claimed relays.
        count: u64,
        /// Compute units per relay.
        per_relay: ComputeUnits,
    },
}

/// Checks a claim as the chain will in block `terms.height`. Gives it in typed form.
pub fn check_claim(message: &MsgCreateClaim, terms: &ClaimTerms<'_>) -> Result<Claim, ClaimRefusal> {
    let claim = Claim::try_from(message)?;
    claim.session.must_equal(terms.session)?;
    if !terms.suppliers.contains(&claim.supplier) {
        return Err(ClaimRefusal::Supplier(claim.supplier));
    }
    let Windows { claim_open: open, claim_close: close, .. } = *terms.windows;
    if !terms.windows.claim_is_open(terms.height) {
        return Err(ClaimRefusal::Window { height: terms.height, open, close });
    }
    let (sum, count, per_relay) = (claim.root.sum(), claim.root.count(), terms.compute_units_per_relay);
    // The chain's product wraps around; a trie of ours that large would have been refused while it grew.
    if count.checked_mul(per_relay.0) != Some(sum) {
        return Err(ClaimRefusal::Weight { sum, count, per_relay });
    }
    Ok(claim)
}
