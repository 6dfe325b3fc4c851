//! Events of the Pocket modules that decide what became of a claim.

mod attributes;
mod read;

use crate::address::Address;
use crate::units::{ComputeUnits, Height, ServiceId, SessionId, Upokt};

pub(crate) use read::{RawEvent, read};

/// Which claim an event is about. Most events do not carry the session id, but these four name one session of one supplier.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimKey {
    /// The supplier's operator address.
    pub supplier: Address,
    /// The application that paid.
    pub application: Address,
    /// The service.
    pub service: ServiceId,
    /// Last block of the session.
    pub session_end: Height,
}

/// How much a claim claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimSize {
    /// Leaves of the trie.
    pub relays: u64,
    /// Sum of the trie.
    pub compute_units: ComputeUnits,
    /// Worth before any cap.
    pub claimed: Upokt,
}

/// One recipient's part of a settled claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reward {
    /// Who gets it.
    pub recipient: Address,
    /// Why, in the chain's words.
    pub reason: String,
    /// How much.
    pub amount: Upokt,
}

impl Reward {
    /// Whether this is part of the supplier's share, rather than the owner's, proposer's or DAO's.
    #[must_use]
    pub fn is_supplier_share(&self) -> bool {
        self.reason.ends_with("SUPPLIER_SHAREHOLDER_REWARD_DISTRIBUTION")
    }
}

/// A claim that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimSettled {
    /// Which claim.
    pub key: ClaimKey,
    /// Its session.
    pub session: SessionId,
    /// What it claimed.
    pub size: ClaimSize,
    /// What was paid for, after caps.
    pub settled: Upokt,
    /// What was minted for it.
    pub minted: Upokt,
    /// What the application's limit took away.
    pub overservicing_loss: Upokt,
    /// What the mint ratio took away.
    pub deflation_loss: Upokt,
    /// Who got how much.
    pub rewards: Vec<Reward>,
}

/// Why a claim was not paid at settlement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiration {
    /// A proof was required and none arrived.
    ProofMissing,
    /// A proof was required and the one that arrived was judged invalid.
    ProofInvalid,
    /// The chain gave no reason that we know.
    Unspecified,
}

/// What happened in a block, as far as claims go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainEvent {
    /// A first claim for a session, or one that replaced an earlier claim.
    Claimed {
        /// Which claim.
        key: ClaimKey,
        /// What it claims.
        size: ClaimSize,
        /// Whether it replaced another.
        replaced: bool,
    },
    /// A proof was accepted for checking at the end of the block.
    Proven {
        /// Which claim.
        key: ClaimKey,
        /// What the claim claims.
        size: ClaimSize,
        /// Whether another proof had come before.
        replaced: bool,
    },
    /// The check at the end of the block is done.
    ProofChecked {
        /// Which claim.
        key: ClaimKey,
        /// `None` when the proof is valid, else the chain's words.
        failure: Option<String>,
    },
    /// The claim was paid.
    Settled(Box<ClaimSettled>),
    /// The claim was thrown away and the supplier is slashed.
    Expired {
        /// Which claim.
        key: ClaimKey,
        /// What it claimed.
        size: ClaimSize,
        /// Why.
        reason: Expiration,
    },
    /// The claim was thrown away because settling it failed; nobody is slashed.
    Discarded {
        /// Which claim.
        key: ClaimKey,
        /// The chain's words.
        error: String,
    },
    /// The supplier lost stake for an expired claim.
    Slashed {
        /// Which claim.
        key: ClaimKey,
        /// How much was taken.
        penalty: Upokt,
        /// The stake that is left.
        stake_left: Upokt,
    },
    /// The application could not pay for all of it.
    Overserviced {
        /// The supplier's operator address.
        supplier: Address,
        /// The application.
        application: Address,
        /// The service.
        service: Option<ServiceId>,
        /// Worth of the claim.
        expected: Upokt,
        /// What could be paid.
        effective: Upokt,
    },
    /// A new relay difficulty, in force from the next session on.
    DifficultyUpdated {
        /// The service.
        service: ServiceId,
        /// The new target.
        target: [u8; 32],
        /// The smoothed number of relays that led to it.
        relays_ema: u64,
    },
    /// A supplier is on its way out.
    UnbondingBegan {
        /// The supplier's operator address.
        supplier: Address,
        /// The chain's name of the reason.
        reason: String,
        /// End of the last session it serves.
        session_end: Height,
    },
    /// A supplier serves a service from this block on.
    ServiceActivated {
        /// The supplier's operator address.
        supplier: Address,
        /// The service.
        service: ServiceId,
    },
    /// An event that we follow but could not read: the chain has changed its form.
    Unreadable {
        /// The event's type.
        kind: String,
        /// What is wrong with it.
        reason: String,
    },
}
