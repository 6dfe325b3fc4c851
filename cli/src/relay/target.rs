use relay_core::address::{Address, PublicKey};
use relay_core::chain::Chain;
use relay_core::client::OpenSession;
use relay_core::session::SessionHeader;
use relay_core::units::ServiceId;

use crate::failure::Failure;

/// Whose relays go where.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) chain: Chain,
    pub(super) application: Address,
    pub(super) service: ServiceId,
    /// Only these suppliers; empty: all of the session.
    pub(super) suppliers: Vec<Address>,
    /// Instead of the suppliers' own endpoints.
    pub(super) relayer: Option<String>,
}

/// A session with everything that is needed to send relays in it.
#[derive(Debug, Clone)]
pub(super) struct Aim {
    pub(super) header: SessionHeader,
    pub(super) ring: Vec<PublicKey>,
    /// Never empty.
    pub(super) suppliers: Vec<AimedSupplier>,
}

/// One supplier to ask.
#[derive(Debug, Clone)]
pub(super) struct AimedSupplier {
    pub(super) operator: Address,
    pub(super) key: PublicKey,
    pub(super) url: String,
}

impl Target {
    /// The session of now.
    pub(super) async fn aim(&self) -> Result<Aim, Failure> {
        let session = OpenSession::fetch(&self.chain, &self.application, &self.service).await?;
        let mut suppliers = Vec::new();
        for supplier in &session.suppliers {
            if !self.suppliers.is_empty() && !self.suppliers.contains(&supplier.operator) {
                continue;
            }
            let url = self.relayer.as_ref().or(supplier.urls.first());
            let url = url.ok_or_else(|| format!("{} has no endpoint on chain; give --relayer", supplier.operator))?;
            let key = self.chain.account(&supplier.operator).await?.public_key;
            let key = key.ok_or_else(|| format!("{} has no public key on chain", supplier.operator))?;
            suppliers.push(AimedSupplier { operator: supplier.operator.clone(), key, url: url.clone() });
        }
        if suppliers.is_empty() {
            let drawn: Vec<&str> = session.suppliers.iter().map(|supplier| supplier.operator.as_str()).collect();
            return Err(format!("none of the wanted suppliers is in the session; it has {}", drawn.join(", ")).into());
        }
        Ok(Aim { header: session.header, ring: session.ring, suppliers })
    }
}
