//! Whether an entry of the log may become a leaf. The last filter before money: a leaf the chain would refuse, drawn as the
//! closest, slashes the supplier.

use prost::Message;
use relay_core::address::Address;
use relay_core::proto::pocket::service::Relay;
use relay_core::proto::pocket::session::SessionHeader as WireHeader;
use relay_core::relay::{RelayHash, Target};
use relay_core::session::SessionHeader;

/// Why an entry is not claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
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
        let relay = Relay::decode(relay_bytes).map_err(|_| Refusal::Undecodable)?;
        let request = relay.req.and_then(|request| request.meta).ok_or(Refusal::Undecodable)?;
        let response = relay.res.and_then(|response| response.meta).ok_or(Refusal::Undecodable)?;
        if !self.is_ours(request.session_header.as_ref()) || !self.is_ours(response.session_header.as_ref()) {
            return Err(Refusal::ForeignSession);
        }
        if request.supplier_operator_address != self.supplier.as_str() {
            return Err(Refusal::ForeignSupplier);
        }
        let hash = RelayHash::of(relay_bytes);
        if self.target.admits(&hash) { Ok(hash) } else { Err(Refusal::AboveTarget) }
    }

    fn is_ours(&self, header: Option<&WireHeader>) -> bool {
        header.is_some_and(|header| {
            header.application_address == self.header.application.as_str()
                && header.service_id == self.header.service.as_str()
                && header.session_id == self.header.id.as_str()
                && header.session_start_block_height == self.header.start.0
                && header.session_end_block_height == self.header.end.0
        })
    }
}
