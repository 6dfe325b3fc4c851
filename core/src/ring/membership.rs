//! Who may sign for an application: its expected ring, and the complete check of a signature against it.

use std::collections::BTreeMap;

use crate::address::{Address, PublicKey};
use crate::units::Height;

use super::{RingSignature, RingSignatureError, Verifier, placeholder_public_key};

/// The least limit on ring sizes: an application has at most seven gateways by default.
const FEWEST_ACCEPTED: usize = 16;

/// The part of an application's on-chain state that decides who may sign for it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegations {
    /// Gateways it delegates to now. A new delegation counts at once.
    pub gateways: Vec<Address>,
    /// Gateways it left, by the end height of the session in which it left them. They count until that session is over.
    pub pending_undelegations: BTreeMap<Height, Vec<Address>>,
}

/// A member of an expected ring.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RingMember {
    /// An account whose public key is on chain.
    Account(Address),
    /// The well-known key that stands in for the gateways of an application that has none.
    Placeholder,
}

/// The members that may occur in the ring of a request to `application`, sorted, each once.
///
/// `target` is the end height of the request's session, rounded anew on the session grid of the *live* shared parameters.
#[must_use]
pub fn expected_ring(application: &Address, delegations: &Delegations, target: Height) -> Vec<RingMember> {
    let left_later = delegations.pending_undelegations.range(target..).flat_map(|(_, gateways)| gateways);
    let mut ring: Vec<_> = delegations.gateways.iter().chain(left_later).cloned().map(RingMember::Account).collect();
    if ring.is_empty() {
        ring.push(RingMember::Placeholder);
    }
    ring.push(RingMember::Account(application.clone()));
    ring.sort();
    ring.dedup();
    ring
}

/// The public keys of an expected ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingKeys(Vec<PublicKey>);

/// A member has no public key on chain, so that no ring can be built: the chain refuses all relays of this application too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the account {0} has no public key on chain; it has to send a transaction before its application can be served"
)]
pub struct MissingKey(pub Address);

impl From<Vec<PublicKey>> for RingKeys {
    fn from(keys: Vec<PublicKey>) -> Self {
        Self(keys)
    }
}

impl RingKeys {
    /// Looks up every member's key. One account without a key spoils the ring, even if it did not sign.
    pub fn resolve(
        ring: &[RingMember],
        mut key_of: impl FnMut(&Address) -> Option<PublicKey>,
    ) -> Result<Self, MissingKey> {
        let keys = ring.iter().map(|member| match member {
            RingMember::Placeholder => Ok(placeholder_public_key()),
            RingMember::Account(address) => key_of(address).ok_or_else(|| MissingKey(address.clone())),
        });
        keys.collect::<Result<_, _>>().map(Self)
    }

    /// Whether this key may occur in the ring.
    #[must_use]
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.contains(key)
    }

    /// How many members a signature may have: repeats are allowed, an endless ring is not.
    #[must_use]
    pub fn max_members(&self) -> usize {
        self.0.len().saturating_mul(2).max(FEWEST_ACCEPTED)
    }
}

/// Why a request's signature does not speak for its application.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingCheckError {
    /// The bytes are not a signature we accept.
    #[error("the ring signature cannot be read: {0}")]
    Undecodable(#[from] RingSignatureError),
    /// A member is neither the application nor one of its gateways.
    #[error("ring member {0} is neither the application nor one of its gateways in this session")]
    Stranger(PublicKey),
    /// The equations do not hold: another message, or no private key of a member.
    #[error("the ring signature does not fit this request")]
    Invalid,
}

/// The complete check: the bytes decode, every member is expected, and the signature is one of `message`.
///
/// Subsets, repeats and any order are fine, as they are for the chain.
pub fn check(
    verifier: &Verifier,
    message: &[u8; 32],
    signature: &[u8],
    keys: &RingKeys,
) -> Result<RingSignature, RingCheckError> {
    let signature = verifier.decode(signature, keys.max_members())?;
    if let Some(stranger) = signature.members().iter().find(|member| !keys.contains(member)) {
        return Err(RingCheckError::Stranger(*stranger));
    }
    if verifier.verify(message, &signature) { Ok(signature) } else { Err(RingCheckError::Invalid) }
}
