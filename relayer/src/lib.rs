//! The relayer: verifies, serves, signs and records relays. `docs/relayer.md` describes it from outside.
//!
//! ```text
//! listener ─▶ pipeline ─┬─▶ sessions   what the chain says, cached
//!                       ├─▶ backend    the node behind a service
//!                       └─▶ recording  the log, shared by all requests
//! ```

mod backend;
mod block_age;
mod books;
mod budget;
pub mod config;
mod error;
mod frames;
mod heavy;
mod listener;
mod live;
mod metrics;
mod pipeline;
mod recording;
mod refusal;
mod reload;
mod replays;
mod run;
mod service;
mod service_health;
mod sessions;
mod simulation;
mod start;
mod status;
mod unfinished;
pub mod validate;

pub use backend::BackendError;
pub use books::Entries;
pub use config::Config;
pub use error::RelayerError;
pub use listener::TlsError;
pub use reload::ConfigFile;
pub use run::{Relayer, run};
pub use unfinished::Unfinished;
