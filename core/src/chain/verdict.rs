//! What a node says about a transaction.

mod cause;
mod rejection;

pub use cause::Cause;
pub use rejection::Rejection;

use super::tx::TxHash;

/// The answer to a broadcast: whether the transaction now waits in a mempool. Nothing more: only module state shows inclusion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It waits, or these very bytes were sent before.
    Accepted {
        /// Hash of the bytes.
        hash: TxHash,
        /// Whether the node had them already.
        already: bool,
    },
    /// The node's checks refused it.
    Rejected(Rejection),
}

/// The answer to a simulation at the node's newest state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Simulation {
    /// It would be carried out.
    Works {
        /// The gas that it would take.
        gas_used: u64,
    },
    /// It would fail.
    Fails(Rejection),
}
