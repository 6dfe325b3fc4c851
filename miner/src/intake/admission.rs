//! Whether an entry of the log may become a leaf. The last filter before money: a leaf the chain would refuse, drawn as the
//! closest, slashes the supplier.

use relay_core::address::Address;
use relay_core::relay::{HeaderFields, RelayFields, RelayHash, Target};
use relay_core::session::SessionHeader;

/// Why an entry is not claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Refusal {
    /// The bytes are not a relay.
    #[error("not a relay")]
    Undecodable,
    /// Request or response belong to another session, in any of the five header fields.
    #[error("a relay of another session")]
    ForeignSession,
    /// The request names another supplier.
    #[error("a relay of another supplier")]
    ForeignSupplier,
    /// The hash is not below the service's target at the session start.
    #[error("not below the difficulty target")]
    AboveTarget,
    /// A proof that shows this relay would not fit in a transaction.
    #[error("too large to be proven")]
    TooLarge,
}

impl Refusal {
    /// All there are, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Undecodable, Self::ForeignSession, Self::ForeignSupplier, Self::AboveTarget, Self::TooLarge];

    /// A constant word for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::ForeignSession => "foreign_session",
            Self::ForeignSupplier => "foreign_supplier",
            Self::AboveTarget => "above_target",
            Self::TooLarge => "too_large",
        }
    }
}

/// What every leaf of one session has in common.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The supplier that served.
    pub supplier: Address,
    /// The session.
    pub header: SessionHeader,
    /// The difficulty target at the session start.
    pub target: Target,
    /// The largest relay that can travel in a proof, in bytes.
    pub largest_relay: usize,
}

impl Terms {
    /// Checks one relay and gives its hash, the key of its leaf.
    pub fn admit(&self, relay_bytes: &[u8]) -> Result<RelayHash, Refusal> {
        if relay_bytes.len() > self.largest_relay {
            return Err(Refusal::TooLarge);
        }
        let relay = RelayFields::read(relay_bytes).map_err(|_| Refusal::Undecodable)?;
        let (Some(request), Some(response)) = (relay.request, relay.response.filter(|response| response.has_meta))
        else {
            return Err(Refusal::Undecodable);
        };
        // What the supplier signed cannot be shown to the chain: the empty hash vanishes when it is decoded there.
        if response.payload_hash.is_some_and(<[u8]>::is_empty) {
            return Err(Refusal::Undecodable);
        }
        if !self.is_ours(request.header) || !self.is_ours(response.header) {
            return Err(Refusal::ForeignSession);
        }
        if request.supplier != self.supplier.as_str() {
            return Err(Refusal::ForeignSupplier);
        }
        let hash = RelayHash::of(relay_bytes);
        if self.target.admits(&hash) { Ok(hash) } else { Err(Refusal::AboveTarget) }
    }

    fn is_ours(&self, header: Option<HeaderFields<'_>>) -> bool {
        header.is_some_and(|header| {
            header.application == self.header.application.as_str()
                && header.service == self.header.service.as_str()
                && header.session == self.header.id.as_str()
                && header.start == self.header.start.0
                && header.end == self.header.end.0
        })
    }
}
