//! Keys and account addresses.
//!
//! An address is the bech32 text, prefix `pokt`, of RIPEMD-160(SHA-256(public key)), see `docs/protocol/addresses.md`.

mod account;
mod public_key;
mod secret_key;
#[cfg(test)]
mod tests;

pub use account::{Address, AddressError};
pub use public_key::{PublicKey, PublicKeyError};
pub use secret_key::{SecretKey, SecretKeyError};
