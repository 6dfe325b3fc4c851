//! Where supplier keys come from.
//!
//! Two forms: a *list file* with many keys, and a *directory* with one key a file, such as a mounted Secret. What each file
//! looks like is in `docs/protocol/addresses.md`. Loading is all of it each time; a caller that watches for changes keeps
//! the last ring that loaded, as [`KeyWatch`] helps to do.

mod directory;
mod key_ring;
mod list_file;
mod secret_text;
mod source;
mod watch;

#[cfg(test)]
mod tests;

pub use key_ring::{KeyRing, RefusedFile};
pub use source::{KeySource, KeysError};
pub use watch::KeyWatch;
