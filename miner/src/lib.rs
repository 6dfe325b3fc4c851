//! The miner: turns recorded relays into settled claims.
pub mod config;
pub mod lifecycle;
pub mod record;
mod submission;
pub use config::Config;
