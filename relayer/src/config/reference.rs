//! Configuration files that were written for the network's Go relay miner, `pocket-relay-miner relayer --config`.
//!
//! [`File`] is the layout of such a file, with every key that program reads; [`convert`] is a pure function from it to our
//! [`Config`](super::Config), with a [`Note`] about each key that has no effect here or another meaning. What would change
//! behaviour and cannot be expressed is an error. `docs/relayer.md` has the table.

mod backend;
mod convert;
mod file;
mod hints;
mod probe;
mod profiles;
mod service;
mod services;
#[cfg(test)]
mod tests;

pub use convert::convert;
pub use file::File;
pub(super) use hints::{OWN_KEYS, documented_only};
pub use relay_core::config::reference::{Note, Weight};
