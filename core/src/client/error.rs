use http::StatusCode;

use crate::chain::ChainError;
use crate::relay::SignatureError;
use crate::ring::RingSignError;

/// Why a relay has no verified answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The system's certificates cannot be read.
    #[error("cannot read the certificates of this system: {0}")]
    Certificates(String),
    /// The chain does not tell the session or a key.
    #[error("the session cannot be fetched: {0}")]
    Chain(#[from] ChainError),
    /// What the chain tells makes no session to sign for.
    #[error("the session cannot be used: {0}")]
    Session(String),
    /// The request cannot be signed with this key.
    #[error("the request cannot be signed: {0}")]
    Ring(#[from] RingSignError),
    /// Nobody answers at the URL.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// Where it was sent.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// The relayer refuses the relay.
    #[error("refused with status {status}: {text}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The body, normally JSON with an `error`.
        text: String,
    },
    /// The answer is no relay response with an HTTP answer inside.
    #[error("the answer cannot be read: {0}")]
    Undecodable(String),
    /// The supplier's signature does not fit.
    #[error("the answer is not signed by the supplier: {0}")]
    Signature(#[from] SignatureError),
    /// The answer belongs to another session than was asked for.
    #[error("the answer belongs to another session")]
    OtherSession,
    /// The payload is not the one that was signed.
    #[error("the answer's payload does not have the hash that was signed")]
    PayloadHash,
}
