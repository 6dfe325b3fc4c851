//! The chain: queries, block feed, transactions.
//!
//! [`tx`] builds and signs transactions and is pure. [`Chain`] asks the nodes, in order of preference, and caches what cannot
//! change; [`BlockFeed`] follows the blocks. See `docs/protocol/transactions.md` and `docs/protocol/chain-queries.md`.

mod answers;
mod blocks;
mod caches;
mod claims;
mod client;
mod comet;
mod config;
mod entities;
mod error;
pub mod events;
mod feed;
mod grpc;
mod methods;
mod node;
mod params;
mod ring;
mod rpc;
mod submission;
mod time;
pub mod tx;
mod verdict;

pub use answers::{Account, Block, BlockResults, ConsensusLimits, Execution, Identity, Status};
pub use caches::{CacheMetrics, Look, Need, SharedAnswer, SharedTier};
pub use client::Chain;
pub use config::{ChainConfig, NodeConfig};
pub use entities::Renewed;
pub use error::ChainError;
pub use feed::{BlockFeed, FeedConfig};
pub use ring::RingError;
pub use time::{ChainTime, ChainTimeError};
pub use verdict::{Cause, Rejection, Simulation, Verdict};
