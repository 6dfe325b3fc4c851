//! Applies changes of configuration file and keys while the relayer runs. No connection is dropped: each relay takes what
//! is in force when it comes, and keeps it to its end.
//!
//! ```text
//! every 2 s, or on SIGHUP ─▶ changed? ─▶ parse, check, build all of it ─┬─▶ one swap of `Live`
//!                                                                       └─▶ refused as a whole: the old one stays
//! ```

mod file;
mod plan;
mod reloader;
mod report;

pub use file::ConfigFile;
pub(crate) use reloader::Reloader;
pub(crate) use report::Report;
