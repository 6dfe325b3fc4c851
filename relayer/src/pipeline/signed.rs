use bytes::Bytes;
use http::StatusCode;
use relay_core::relay::envelope;
use relay_core::relay::{MinedRelay, encode_response, sign_response};

use super::answered::Answered;
use super::verified::Verified;
use crate::refusal::Refusal;

/// A relay with the response that its caller gets, and the mined relay made from that very response: one signature for both.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(super) verified: Verified,
    pub(super) response: Bytes,
    pub(super) mined: MinedRelay,
    pub(super) status: StatusCode,
}

impl Answered {
    pub(super) fn sign(self) -> Result<Signed, Refusal> {
        let Self { verified, answer } = self;
        let identified = &verified.admitted.identified;
        let payload = envelope::encode_response(answer.status, &answer.headers, answer.body);
        let signed = sign_response(&identified.identity.session, payload, &verified.admitted.key);
        let response = signed.map_err(|error| {
            tracing::error!(%error, "a response cannot be signed");
            Refusal::Unsigned
        })?;
        let mined = MinedRelay::new(&identified.request, &response);
        Ok(Signed { response: encode_response(&response).into(), mined, status: answer.status, verified })
    }
}
