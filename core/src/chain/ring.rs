//! Who may sign relays of an application.

use super::client::Chain;
use super::error::ChainError;
use crate::address::{Address, AddressError};
use crate::ring::membership::{Delegations, MissingKey, RingKeys, RingMember, expected_ring};
use crate::session::{Grid, ParamsError};
use crate::units::Height;

/// Why a ring cannot be put together.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RingError {
    /// The chain did not answer, or does not know the application.
    #[error("asking for the members of a ring: {0}")]
    Chain(#[from] ChainError),
    /// The chain names a gateway by something that is no address.
    #[error("a gateway of the application: {0}")]
    Gateway(#[from] AddressError),
    /// The chain's parameters make no session grid.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// A member has no key.
    #[error(transparent)]
    MissingKey(#[from] MissingKey),
}

impl Chain {
    /// The public keys that may occur in ring signatures for `application` in the session that ends at `session_end`, by the
    /// chain's present state.
    pub async fn ring_keys(&self, application: &Address, session_end: Height) -> Result<RingKeys, RingError> {
        let state = self.application(application).await?;
        let target = Grid::new(&*self.shared_params().await?)?.end(session_end);
        let delegations = Delegations::try_from(&*state)?;
        let members = expected_ring(application, &delegations, target);
        let mut keys = std::collections::BTreeMap::new();
        for member in &members {
            if let RingMember::Account(address) = member {
                keys.insert(address.clone(), self.account(address).await?.public_key);
            }
        }
        Ok(RingKeys::resolve(&members, |address| keys.get(address).copied().flatten())?)
    }
}
