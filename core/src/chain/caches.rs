//! What was asked of the chain and need not be asked again: in memory first, then what the processes of a pool share.

mod backing;
pub(crate) mod codec;
mod live;
mod metrics;
mod pinned;
#[cfg(test)]
mod tests;
mod tier;

pub(crate) use backing::Backing;
pub(crate) use codec::Codec;
pub(crate) use live::{Fetched, Live};
pub use metrics::CacheMetrics;
pub(crate) use pinned::Pinned;
pub use tier::{Look, Need, SharedAnswer, SharedTier};

use super::error::ChainError;

fn lost() -> ChainError {
    ChainError::Transient {
        node: String::new(),
        reason: "the question was given up by whoever asked it first".to_owned(),
    }
}
