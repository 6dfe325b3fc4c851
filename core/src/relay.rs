//! Relays: what is hashed, what is signed, what is mined.
//!
//! The bytes are in `docs/protocol/encoding.md`, the signatures, hashes and difficulty in `docs/protocol/relays.md`.
//! Our rule: refusing what the chain accepts costs one relay, accepting what it refuses can cost the stake. Where the two
//! differ, ours is the stricter one.

mod check;
mod codec;
mod digest;
pub mod envelope;
mod fields;
mod mined;
mod response;
mod rpc_type;
mod target;
#[cfg(test)]
mod vectors;

pub use check::{RelayIdentity, RequestError, ResponseError, check_request, check_response};
pub use codec::{
    DecodeError, decode_relay, decode_request, decode_response, encode_relay, encode_request, encode_response,
};
pub use digest::{request_digest, response_digest};
pub use fields::{HeaderFields, RelayFields, RequestFields, ResponseFields};
pub use mined::{MinedRelay, RelayHash};
pub use response::{SignatureError, sign_error, sign_payload_hash, sign_response, verify_response};
pub use rpc_type::{RpcType, UnknownRpcType};
pub use target::{Target, TargetError};

/// What stands after every signed message of a stream over HTTP.
pub const STREAM_DELIMITER: &[u8] = b"||POKT_STREAM||";
