use prost::Message;
use sha2::{Digest, Sha256};

use crate::address::{Address, AddressError};
use crate::proto::pocket::proof::{self as wire, ClaimProofStatus, MsgCreateClaim};
use crate::proto::pocket::session::SessionHeader as WireHeader;
use crate::session::{HeaderError, SessionHeader};
use crate::smst::{Root, RootError};

/// What a supplier asks to be paid for: one session, one trie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Operator address of the supplier; it signs the transaction.
    pub supplier: Address,
    /// The session.
    pub session: SessionHeader,
    /// Hash, compute units and number of the served relays.
    pub root: Root,
}

/// Why the chain refuses a claim without looking further.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ClaimError {
    /// Not an account.
    #[error("the claim's supplier is no account: {0}")]
    Supplier(#[from] AddressError),
    /// Upper case would make two names for one supplier.
    #[error("the claim's supplier {0:?} must be written in lower case")]
    UpperCase(String),
    /// No session header.
    #[error("the claim has no session header")]
    MissingHeader,
    /// A header against the rules.
    #[error("the claim has an invalid session header: {0}")]
    Header(#[from] HeaderError),
    /// Not 48 bytes.
    #[error(transparent)]
    Root(#[from] RootError),
    /// A trie without relays.
    #[error("the claimed root {0} counts no relays: there is nothing to claim")]
    ZeroCount(Root),
    /// Relays without compute units.
    #[error("the claimed root {0} sums to no compute units: there is nothing to claim")]
    ZeroSum(Root),
}

impl Claim {
    /// The message that creates it.
    #[must_use]
    pub fn message(&self) -> MsgCreateClaim {
        MsgCreateClaim {
            supplier_operator_address: self.supplier.as_str().to_owned(),
            session_header: Some((&self.session).into()),
            root_hash: self.root.as_bytes().to_vec(),
        }
    }

    /// The message that proves it with these proof bytes.
    #[must_use]
    pub fn proof_message(&self, proof: Vec<u8>) -> wire::MsgSubmitProof {
        wire::MsgSubmitProof {
            supplier_operator_address: self.supplier.as_str().to_owned(),
            session_header: Some((&self.session).into()),
            proof,
        }
    }

    /// The claim as the chain stores it.
    #[must_use]
    pub fn stored(&self, status: ClaimProofStatus) -> wire::Claim {
        let MsgCreateClaim { supplier_operator_address, session_header, root_hash } = self.message();
        wire::Claim { supplier_operator_address, session_header, root_hash, proof_validation_status: status.into() }
    }

    /// Hash of the stored claim. The chain draws anew at settlement, when the status has changed.
    #[must_use]
    pub fn hash(&self, status: ClaimProofStatus) -> [u8; 32] {
        Sha256::digest(self.stored(status).encode_to_vec()).into()
    }

    /// Hash of the stored claim before any proof arrived: the one that decides whether a proof is required.
    #[must_use]
    pub fn hash_while_pending(&self) -> [u8; 32] {
        self.hash(ClaimProofStatus::PendingValidation)
    }

    fn parse(supplier: &str, header: Option<&WireHeader>, root: &[u8]) -> Result<Self, ClaimError> {
        let address: Address = supplier.parse()?;
        if address.as_str() != supplier {
            return Err(ClaimError::UpperCase(supplier.to_owned()));
        }
        let session = header.ok_or(ClaimError::MissingHeader)?.try_into()?;
        let root = Root::try_from(root)?;
        if root.count() == 0 {
            return Err(ClaimError::ZeroCount(root));
        }
        if root.sum() == 0 {
            return Err(ClaimError::ZeroSum(root));
        }
        Ok(Self { supplier: address, session, root })
    }
}

/// The chain's basic rules for the message.
impl TryFrom<&MsgCreateClaim> for Claim {
    type Error = ClaimError;

    fn try_from(message: &MsgCreateClaim) -> Result<Self, Self::Error> {
        Self::parse(&message.supplier_operator_address, message.session_header.as_ref(), &message.root_hash)
    }
}

/// A claim that the chain stores. Its status is left aside.
impl TryFrom<&wire::Claim> for Claim {
    type Error = ClaimError;

    fn try_from(claim: &wire::Claim) -> Result<Self, Self::Error> {
        Self::parse(&claim.supplier_operator_address, claim.session_header.as_ref(), &claim.root_hash)
    }
}
