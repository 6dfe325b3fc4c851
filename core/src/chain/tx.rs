//! Building and signing transactions. Pure: bytes in, bytes out.
//!
//! We send *unordered* transactions: sequence 0, and a timestamp after which the chain refuses them. The timestamp is
//! also the nonce, so [`Timestamps`] hands out each one once per signer. See `docs/protocol/transactions.md`.

mod fee;
mod gas;
mod messages;
mod sign;
mod timeout;
mod timestamps;

pub use fee::{GasPrice, GasPriceError};
pub use gas::{DEFAULT_GAS_ADJUSTMENT, adjusted_gas};
pub use messages::{claim, proof, send};
pub use sign::{Draft, Order, SignedTx, TxHash};
pub use timeout::{LONGEST_TIMEOUT, SHORTEST_TIMEOUT, timeout_for};
pub use timestamps::{TimestampError, Timestamps};

/// The memo that the network's miners write.
pub const MEMO: &str = "HA RelayMiner";

/// The denomination that fees and stakes are paid in.
pub const DENOMINATION: &str = "upokt";
