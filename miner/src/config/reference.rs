//! Configuration files that were written for the network's Go relay miner, `pocket-relay-miner miner --config`.
//!
//! [`File`] is the layout of such a file, with every key that program reads; [`convert`] gives our [`Config`](super::Config)
//! for it, with a [`Note`](relay_core::config::reference::Note) about each key that has no effect here or another meaning.
//! `docs/miner.md` has the table.

mod convert;
mod file;
mod overrides;
mod parts;
#[cfg(test)]
mod tests;

pub use convert::convert;
pub use file::File;
pub use overrides::Overrides;

/// Keys at the top that only such a file has. `redis` and `keys` are in ours as well.
pub(in crate::config) const OWN_KEYS: [&str; 26] = [
    "pocket_node",
    "transaction",
    "metrics",
    "pprof",
    "logging",
    "deduplication_ttl_blocks",
    "batch_size",
    "ack_batch_size",
    "hot_reload_enabled",
    "session_ttl",
    "cache_ttl",
    "smst_live_root_checkpoint_interval",
    "submission_tracking_ttl",
    "supplier_reconcile_interval_seconds",
    "known_applications",
    "leader_election",
    "session_lifecycle",
    "balance_monitor",
    "block_time_seconds",
    "block_health_monitor",
    "settlement_monitor",
    "default_service_factor",
    "service_factors",
    "worker_pools",
    "supplier_claiming",
    "suppliers",
];
