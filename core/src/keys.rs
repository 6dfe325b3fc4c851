//! Where supplier keys come from.
//!
//! Three forms: a *list file* with many keys, a *directory* with one key a file, such as a mounted Secret, and a *keyring* of
//! the Cosmos SDK. What each file looks like is in `docs/protocol/addresses.md`. [`KeySource::load`] reads all of them once, or fails. [`KeyWatch`] notices
//! changes, and keeps what a source held last when that cannot be read; [`follow`] does so for a whole process.

mod directory;
mod follow;
mod key_ring;
mod keyring;
mod list_file;
mod metrics;
mod reading;
mod secret_text;
mod source;
mod watch;

#[cfg(test)]
mod tests;

pub use follow::{Following, KeyReport, follow};
pub use key_ring::{KeyRing, RefusedFile};
pub use metrics::KeyMetrics;
pub use source::{KeySource, KeysError};
pub use watch::{Care, KeyWatch, Look};
