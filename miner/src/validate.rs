//! Would a miner with this configuration work? Nothing here writes, or owns anything.
//!
//! [`offline`] needs only files, [`online`] asks Redis, nodes of the chain, and what the chain knows about the suppliers.

mod suppliers;

use relay_core::chain::{Chain, ChainConfig};
use relay_core::keys::KeyRing;
use relay_core::telemetry::Registry;
use relay_core::validate::{self, Finding, Level};
use std::time::Duration;

use crate::config::{Config, Loaded};
use crate::metrics::Metrics;
use crate::run::store_config;

/// A node whose newest block is older than this deserves a look.
const OLDEST_BLOCK: Duration = Duration::from_mins(5);

/// What the files alone tell: keys of the configuration that have no effect, and the suppliers' keys.
#[must_use]
pub fn offline(loaded: &Loaded) -> (KeyRing, Vec<Finding>) {
    let mut findings = validate::of_file(&loaded.notes, &loaded.passed_over);
    // A miner waits for its keys, so that there are none yet is no error.
    let (ring, about_keys) = validate::keys(&loaded.config.keys, Level::Warning);
    findings.extend(about_keys);
    if let Err(error) = loaded.config.logs.check() {
        findings.push(Finding::error("logs.level", error.to_string()));
    }
    // Names that collide would be a mistake of ours, found here rather than at a start.
    drop(Metrics::register(&mut Registry::default()));
    (ring, findings)
}

/// Asks everything that the miner would depend on. Each answers within a bounded time or is reported.
pub async fn online(config: &Config, ring: &KeyRing) -> Vec<Finding> {
    let (nodes, redis) = tokio::join!(
        validate::nodes(&config.chain, OLDEST_BLOCK),
        validate::inspect(store_config(config), &config.chain)
    );
    let mut findings: Vec<Finding> = nodes.into_iter().chain(redis).collect();
    if let Ok(chain) = Chain::new(&ChainConfig::from(&config.chain)) {
        findings.extend(suppliers::limits(&chain).await);
        findings.extend(suppliers::standing(&chain, ring, &config.monitors.balance).await);
    }
    findings
}
