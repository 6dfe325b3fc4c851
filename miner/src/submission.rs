//! Bringing claims and proofs on chain: one transaction for many messages, judged message by message.

mod attempts;
mod batch;
mod wallet;

pub use batch::{Batch, Left, Prepared, prepare};
pub use wallet::{GasPolicy, Wallet, WalletError};
