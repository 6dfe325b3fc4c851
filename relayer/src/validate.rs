//! Would a relayer with this configuration work? Nothing here writes, or serves anything.
//!
//! [`offline`] needs only files, [`online`] asks Redis, nodes of the chain and backends, and [`stakes`] compares what the suppliers
//! have staked with what is served. What they find is a list of [`Finding`]s.

mod backends;
mod offline;
mod stakes;

use std::time::Duration;

use relay_core::store::StoreConfig;
use relay_core::validate;

pub use offline::offline;
pub use relay_core::validate::{Finding, Level};
pub use stakes::stakes;

use crate::config::Config;

/// How long one thing may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks everything that the relayer would depend on, at the same time. Each answers within a bounded time or is reported.
pub async fn online(config: &Config) -> Vec<Finding> {
    let backends = backends::reach(config);
    let mut findings = validate::nodes(&config.chain, config.max_block_age.0).await;
    findings.extend(validate::inspect(StoreConfig::from(&config.redis), &config.chain).await);
    findings.extend(backends.await);
    findings
}
