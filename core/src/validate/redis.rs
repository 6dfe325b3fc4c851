use super::{Finding, PATIENCE};
use crate::chain::{Chain, ChainConfig};
use crate::config::{ChainSection, Period};
use crate::store::{self, ChainIdentity, StoreConfig};

/// Is this Redis fit, and is its state that of our chain?
pub async fn inspect(settings: StoreConfig, chain: &ChainSection) -> Vec<Finding> {
    // Whose state it is can only be compared when the chain says who it is; that it does not is reported elsewhere.
    let identity = match Chain::new(&ChainConfig::from(chain)) {
        Ok(chain) => tokio::time::timeout(PATIENCE, chain.identity()).await.ok().and_then(Result::ok),
        Err(_) => None,
    };
    let whose = identity.as_ref().map(ChainIdentity::from);
    let settings = StoreConfig { open_timeout: Period(PATIENCE), ..settings };
    match store::inspect(&settings, whose.as_ref()).await {
        Err(error) => vec![Finding::error("redis", error.to_string())],
        Ok(found) => {
            let used = if found.in_use { "in use" } else { "not used yet" };
            let told =
                format!("{} is version {}; the prefix `{}` is {used}", found.address, found.version, settings.prefix);
            let warnings = found.warnings.into_iter().map(|warning| Finding::warning("redis", warning.0));
            std::iter::once(Finding::info("redis", told)).chain(warnings).collect()
        }
    }
}
