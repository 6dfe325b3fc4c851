use crate::address::{Address, PublicKey};
use crate::chain::Chain;
use crate::ring::membership::{Delegations, RingMember, expected_ring};
use crate::session::{Grid, SessionHeader};
use crate::units::{Height, ServiceId};

use super::ClientError;

/// A session as a caller needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// What goes into every request.
    pub header: SessionHeader,
    /// Who may be asked.
    pub suppliers: Vec<SessionSupplier>,
    /// The keys to sign with: the application's and its gateways'; the application's twice when it has no gateway.
    pub ring: Vec<PublicKey>,
}

/// A supplier of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSupplier {
    /// Operator address.
    pub operator: Address,
    /// Where it serves the session's service, as staked; may be empty.
    pub urls: Vec<String>,
}

impl OpenSession {
    /// Asks the chain for the session that it is in now, and for the keys of its ring.
    pub async fn fetch(chain: &Chain, application: &Address, service: &ServiceId) -> Result<Self, ClientError> {
        let now = chain.latest_block().await?.height;
        let session = chain.session_at(application, service, now).await?;
        let header = session.header.as_ref().ok_or_else(|| ClientError::Session("it has no header".to_owned()))?;
        let header = SessionHeader::try_from(header).map_err(|error| ClientError::Session(error.to_string()))?;
        let suppliers = session.suppliers.iter().map(|supplier| {
            let serving = supplier.services.iter().filter(|entry| entry.service_id == service.as_str());
            let operator =
                supplier.operator_address.parse().map_err(|error| ClientError::Session(format!("{error}")))?;
            let urls = serving.flat_map(|entry| &entry.endpoints).map(|endpoint| endpoint.url.clone()).collect();
            Ok(SessionSupplier { operator, urls })
        });
        let suppliers = suppliers.collect::<Result<_, ClientError>>()?;
        let ring = signing_ring(chain, application, header.end).await?;
        Ok(Self { header, suppliers, ring })
    }
}

/// The ring that a caller signs with. The placeholder is never in it: its private key is known to everybody.
async fn signing_ring(chain: &Chain, application: &Address, end: Height) -> Result<Vec<PublicKey>, ClientError> {
    let staked = chain.application(application).await?;
    let delegations =
        Delegations::try_from(staked.as_ref()).map_err(|error| ClientError::Session(error.to_string()))?;
    let params = chain.shared_params().await?;
    let target = Grid::new(&params).map_err(|error| ClientError::Session(error.to_string()))?.end(end);
    let mut ring = Vec::new();
    for member in expected_ring(application, &delegations, target) {
        if let RingMember::Account(address) = member {
            let key = chain.account(&address).await?.public_key;
            ring.push(key.ok_or_else(|| ClientError::Session(format!("{address} has no public key on chain")))?);
        }
    }
    if let [alone] = ring[..] {
        ring.push(alone);
    }
    Ok(ring)
}
