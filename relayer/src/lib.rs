//! The relayer: verifies, serves, signs and records relays.

pub mod backend;
pub mod config;
mod refusal;

pub use config::Config;
pub use refusal::{BackendFault, Refusal};
