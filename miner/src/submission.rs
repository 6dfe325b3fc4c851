//! Bringing claims and proofs on chain: one transaction for many messages, judged message by message.

mod attempts;
mod batch;
mod executions;
mod funds;
mod gas;
mod kind;
mod limits;
mod params;
mod price;
mod wallet;
mod worth;

pub use batch::{Batch, Left, Prepared, Reason, prepare};
pub use executions::{Executed, Executions};
pub use funds::{Bill, affordable};
pub use gas::{GasBook, GasMode};
pub use kind::Kind;
pub use limits::{LimitBook, Limits};
pub use params::LiveParams;
pub use price::Price;
pub use wallet::{Gas, GasPolicy, Signed, Wallet, WalletError};
pub use worth::{Costs, Worth, weigh};
