//! Strict YAML configuration.
//!
//! A key that nothing reads is an error, with the nearest known key as a hint: a typing mistake in a configuration file
//! costs relays for as long as nobody notices it.

mod layout;
mod lenient;
mod load;
mod nearest;
mod period;
pub mod reference;
mod sections;

pub use layout::{Layout, UnknownKeys, accept, in_file, top_keys};
pub use load::{ConfigError, load, parse, parse_leniently, read};
pub use nearest::nearest;
pub use period::{Period, PeriodError};
pub use sections::{ChainSection, KeyringBackend, KeyringSection, KeysSection, RedisSection};
