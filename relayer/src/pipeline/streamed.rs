use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use relay_core::relay::{MinedRelay, encode_response, envelope, sign_payload_hash, sign_response};

use super::admitted::Question;
use super::signed::Signed;
use super::verified::Ticket;
use crate::refusal::Refusal;
use crate::sessions::Session;

/// A stream that ended. All of it is one relay; its last message has not left yet.
#[derive(Debug)]
pub(super) struct Streamed {
    pub(super) question: Arc<Question>,
    pub(super) session: Arc<Session>,
    pub(super) ticket: Ticket,
    /// The node's status.
    pub(super) status: StatusCode,
    /// What the last message carries; often nothing.
    pub(super) last: Bytes,
    /// SHA-256 over all bytes that were handed over, the last ones included.
    pub(super) hash: [u8; 32],
}

impl Streamed {
    /// Two signatures: one for the caller over the last message, one for the chain over the whole stream.
    pub(super) fn sign(self) -> Result<Signed, Refusal> {
        let Self { question, session, ticket, status, last, hash } = self;
        let header = &question.identity.session;
        let payload = envelope::encode_response(status, &HeaderMap::new(), last);
        let signed = sign_response(header, payload, &question.key);
        let response = signed.map_err(|error| {
            tracing::error!(%error, "a response cannot be signed");
            Refusal::Unsigned
        })?;
        let mined = MinedRelay::new(&question.request, &sign_payload_hash(header, hash, &question.key));
        Ok(Signed { question, session, ticket, response: encode_response(&response).into(), mined, status })
    }
}
