//! The miner: turns recorded relays into settled claims.
//!
//! [`run`] is the process. [`ownership`] decides which suppliers are ours, an [`owner::Owner`] works for each, and
//! [`lifecycle`] holds the decisions.

pub mod config;
mod health;
pub mod intake;
pub mod leader;
pub mod lifecycle;
pub mod metrics;
pub mod owner;
pub mod ownership;
mod probes;
pub mod record;
mod run;
pub mod session;
pub mod settlement;
pub mod status;
pub mod submission;
pub mod validate;

pub use config::Config;
pub use run::{Miner, MinerError, run};
