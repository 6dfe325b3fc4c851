//! The last step: what was seen, in the words of the API. Pure; who looks at chain and miners stands outside.

mod conditions;
mod facts;
mod miners;
mod progress;
mod supplier;
pub mod table;

pub use facts::{ChainFacts, Endpoint, Known, OnChain};
pub use miners::{MinerClaim, MinerLoss, MinerReport, MinerSession, MinerSupplier};
pub use progress::{Work, work};
pub use supplier::supplier;
