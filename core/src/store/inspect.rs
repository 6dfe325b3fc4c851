//! A look at a Redis that changes nothing in it.

use redis::cmd;

use super::open::{find, judge, version};
use super::schema::compare;
use super::{ChainIdentity, Keys, StoreConfig, StoreError, Warning};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Host and port, without credentials.
    pub address: String,
    /// Of the server.
    pub version: String,
    /// Whether a pool has used this prefix before.
    pub in_use: bool,
    /// What there is to advise.
    pub warnings: Vec<Warning>,
}

/// Judges a Redis as [`Store::open`](super::Store::open) does, without writing: version, eviction, role, persistence and, if the chain is
/// known, whose state it holds.
///
/// # Errors
/// As [`Store::open`](super::Store::open) has them, among them [`StoreError::Unfit`] and [`StoreError::Foreign`].
pub async fn inspect(config: &StoreConfig, chain: Option<&ChainIdentity>) -> Result<Inspection, StoreError> {
    let keys = Keys::new(&config.prefix)?;
    let found = find(config).await?;
    let (link, warnings) = (&found.link, judge(&found.link, &found.nodes)?);
    let fields: [Option<String>; 4] =
        link.run(cmd("HMGET").arg(keys.schema()).arg(&["layout", "chain_id", "genesis_hash", "identity"])).await?;
    let in_use = fields.iter().any(Option::is_some);
    if let Some(chain) = chain.filter(|_| in_use) {
        compare(&keys.schema(), &fields.map(Option::unwrap_or_default), chain)?;
    }
    Ok(Inspection { address: link.address(), version: version(&found.nodes), in_use, warnings })
}
