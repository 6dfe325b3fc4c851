use http::HeaderMap;
use prost::Message;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::envelope::{self, HttpRequest};
use relay_core::relay::{RelayIdentity, RequestError, check_request, decode_request};
use relay_core::units::Height;
use tokio::time::Instant;

use super::received::{Place, Received};
use crate::refusal::Refusal;

/// What the response adds to a mined relay beside the session header: signature, payload hash, tags and lengths.
const RESPONSE_BYTES: usize = 160;

/// A well-formed relay. Application, service, session and supplier are what the signed request says; whether the
/// signature holds is not known yet.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(super) request: RelayRequest,
    pub(super) call: HttpRequest,
    pub(crate) identity: RelayIdentity,
    /// The most bytes that the mined relay can have: it carries the request, but not the payload of the response.
    pub(super) mined_bytes: usize,
    pub(super) headers: HeaderMap,
    pub(super) arrival: Height,
    pub(super) at: Instant,
    /// Held until the relay is recorded.
    _place: Place,
}

impl Received {
    /// Decodes once; everything after works on the result.
    pub(super) fn identify(self) -> Result<Identified, Refusal> {
        if self.body.is_empty() {
            return Err(Refusal::NotARelay);
        }
        let request = decode_request(self.body).map_err(|_| Refusal::NotARelay)?;
        let header = request.meta.as_ref().and_then(|meta| meta.session_header.as_ref());
        if header.is_none_or(|header| header.service_id.is_empty()) {
            return Err(Refusal::NotARelay);
        }
        let call = envelope::decode_request(request.payload.clone()).map_err(|_| Refusal::NotARelay)?;
        let identity = check_request(&request).map_err(|error| match error {
            RequestError::MissingSupplier => Refusal::NoSupplier,
            error => Refusal::Invalid(format!("basic validation failed: {error}")),
        })?;
        let mined_bytes = request.encoded_len() + header.map_or(0, Message::encoded_len) + RESPONSE_BYTES;
        let (headers, arrival, at, place) = (self.headers, self.arrival, self.at, self.place);
        Ok(Identified { request, call, identity, mined_bytes, headers, arrival, at, _place: place })
    }
}
