//! The bytes of `MsgSubmitProof.proof`: one [`CompactProof`](super::CompactProof) in the self-describing `gob` encoding.
//!
//! The encoder writes the three type definitions as one constant, with the ids 64, 65 and 66. The decoder reads what the
//! chain reads: other ids, names, orders and unknown fields, and whatever follows the proof.

mod decode;
mod encode;
mod reader;
mod types;

pub use decode::decode;
pub use encode::encode;
use thiserror::Error;

/// Why bytes are no proof.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GobError {
    /// The bytes end, or a length points beyond their end.
    #[error("the proof bytes end too early: check that they were stored and fetched whole")]
    Truncated,
    /// A number, field or message that the encoding does not allow.
    #[error("the proof bytes are not gob ({0}): check that this is MsgSubmitProof.proof")]
    Malformed(&'static str),
    /// Well-formed, but of another type.
    #[error("the proof bytes hold another type than a closest proof ({0}): check that this is MsgSubmitProof.proof")]
    Type(&'static str),
}
