//! Would a relayer with this configuration work? Nothing here writes, or serves anything.
//!
//! [`offline`] needs only files, [`online`] asks Redis, nodes of the chain and backends, and [`stakes`] compares what the suppliers
//! have staked with what is served. What they find is a list of [`Finding`]s.

mod backends;
mod chain;
mod finding;
mod offline;
mod redis;
mod stakes;

use std::time::Duration;

use relay_core::chain::{Chain, ChainConfig};

pub use finding::{Finding, Level};
pub use offline::offline;
pub use stakes::stakes;

use crate::config::Config;

/// How long one thing may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks everything that the relayer would depend on, at the same time. Each answers within a bounded time or is reported.
pub async fn online(config: &Config) -> Vec<Finding> {
    let backends = backends::reach(config);
    let mut findings = match Chain::new(&ChainConfig::from(&config.chain)) {
        Err(error) => vec![Finding::error("chain.nodes", error.to_string())],
        Ok(chain) => chain::nodes(config, &chain).await,
    };
    findings.extend(redis::inspect(config).await);
    findings.extend(backends.await);
    findings
}
