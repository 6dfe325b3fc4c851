//! Ring signatures (bLSAG over secp256k1) on relay requests: `docs/protocol/ring-signatures.md`.
//!
//! A gateway signs a request as "one of these keys": the application's or one of the gateways it delegates to. A relayer
//! decodes the signature, compares its members with the [expected ring](membership) and verifies the equations:
//!
//! ```text
//! bytes ─ RingSignature::decode ─▶ members ⊆ RingKeys? ─▶ Verifier::verify
//! ```
//!
//! The chain checks the same three things when a relay is drawn for a proof, so each step may be stricter than the chain's
//! but never laxer.

mod comb;
mod commitments;
mod curve;
mod delegations;
mod digits;
mod hash;
pub mod membership;
mod placeholder;
mod sightings;
mod signature;
mod signer;
mod tables;
mod verifier;

#[cfg(test)]
mod tests;

pub use placeholder::placeholder_public_key;
pub use signature::{RingSignature, RingSignatureError};
pub use signer::{RingSignError, sign};
pub use verifier::Verifier;
