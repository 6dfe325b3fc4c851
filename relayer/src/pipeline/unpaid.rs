//! Signed responses that are no relays. They hold nothing that could be recorded.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use relay_core::proto::pocket::service::RelayMinerError;
use relay_core::relay::{SignatureError, encode_response, envelope, sign_error, sign_response};

use super::admitted::Question;
use crate::refusal::{BackendFault, Refusal};

/// The code of a backend that did not answer, as a status and in the error beside it.
const NO_ANSWER: u32 = 500;

/// A signed response that no node answered for, or that only ends a stream. There is no way from here to the log.
#[derive(Debug)]
pub(crate) struct Unpaid {
    /// The encoded response.
    pub(crate) response: Bytes,
}

impl Unpaid {
    /// Tells a caller over gRPC that the backend gave no answer.
    pub(crate) fn no_answer(question: &Question, fault: BackendFault) -> Result<Self, Refusal> {
        let description = format!("backend error: {}", in_words(fault));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = serde_json::json!({ "error": description }).to_string();
        let payload = envelope::encode_response(StatusCode::INTERNAL_SERVER_ERROR, &headers, body.into());
        let error = RelayMinerError { code: NO_ANSWER, description, ..RelayMinerError::default() };
        let signed = sign_error(&question.identity.session, payload, error, &question.key);
        signed.map(|response| Self { response: encode_response(&response).into() }).map_err(unsigned)
    }

    /// Ends a stream whose messages were answered, and paid, one by one.
    pub(super) fn end(question: &Question, payload: Bytes) -> Result<Self, Refusal> {
        let signed = sign_response(&question.identity.session, payload, &question.key);
        signed.map(|response| Self { response: encode_response(&response).into() }).map_err(unsigned)
    }
}

fn unsigned(error: SignatureError) -> Refusal {
    tracing::error!(%error, "a response cannot be signed");
    Refusal::Unsigned
}

/// Says nothing about where the backend is.
fn in_words(fault: BackendFault) -> &'static str {
    match fault {
        BackendFault::Request => "the call cannot be sent to it",
        BackendFault::Connection => "it cannot be reached, or broke off",
        BackendFault::Timeout => "it did not answer in time",
        BackendFault::TooLarge => "its answer is too large",
    }
}
