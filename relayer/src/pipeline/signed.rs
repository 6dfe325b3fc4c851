use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use relay_core::relay::{MinedRelay, encode_response, sign_response};

use super::admitted::Question;
use super::answered::Answered;
use super::verified::Ticket;
use crate::refusal::Refusal;
use crate::sessions::Session;

/// A relay with the response that its caller gets, and the mined relay made from that very response: one signature for both.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(super) question: Arc<Question>,
    pub(super) session: Arc<Session>,
    pub(super) ticket: Ticket,
    pub(super) response: Bytes,
    pub(super) mined: MinedRelay,
    pub(super) status: StatusCode,
}

impl Answered {
    pub(super) fn sign(self) -> Result<Signed, Refusal> {
        let Self { question, session, ticket, payload, status } = self;
        let signed = sign_response(&question.identity.session, payload, &question.key);
        let response = signed.map_err(|error| {
            tracing::error!(%error, "a response cannot be signed");
            Refusal::Unsigned
        })?;
        let mined = MinedRelay::new(&question.request, &response);
        Ok(Signed { question, session, ticket, response: encode_response(&response).into(), mined, status })
    }
}
