use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use prost::Message;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::envelope::{self, HttpRequest};
use relay_core::relay::{RelayIdentity, RequestError, RpcType, check_request, decode_request};
use relay_core::units::Height;
use tokio::time::Instant;

use super::patience::patience;
use super::received::{Channel, Place, Received};
use crate::refusal::Refusal;
use crate::service::Service;

/// What the response adds to a mined relay beside the session header: signature, payload hash, tags and lengths.
const RESPONSE_BYTES: usize = 160;

/// What a relay wants from the node.
#[derive(Debug)]
pub(crate) enum Payload {
    /// An HTTP call.
    Call(HttpRequest),
    /// What it wanted is with the node already.
    Asked,
    /// The contents of a socket message.
    Frame(Bytes),
}

/// A well-formed relay. Application, service, session and supplier are what the signed request says; whether the
/// signature holds is not known yet.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(super) channel: Channel,
    pub(super) request: RelayRequest,
    pub(super) payload: Payload,
    pub(crate) identity: RelayIdentity,
    /// The most bytes that the mined relay can have: it carries the request, but not the payload of the response.
    pub(super) mined_bytes: usize,
    pub(super) body_bytes: usize,
    pub(super) headers: HeaderMap,
    pub(super) arrival: Height,
    pub(super) at: Instant,
    pub(super) place: Place,
}

impl Received {
    /// Decodes once; everything after works on the result.
    pub(super) fn identify(self) -> Result<Identified, Refusal> {
        let body_bytes = self.body.len();
        if body_bytes == 0 {
            return Err(Refusal::NotARelay);
        }
        let (request, payload) = decode(self.channel, self.body)?;
        let header = request.meta.as_ref().and_then(|meta| meta.session_header.as_ref());
        let identity = check_request(&request).map_err(|error| match error {
            RequestError::MissingSupplier => Refusal::NoSupplier,
            error => Refusal::Invalid(format!("basic validation failed: {error}")),
        })?;
        let mined_bytes = request.encoded_len() + header.map_or(0, Message::encoded_len) + RESPONSE_BYTES;
        let (channel, headers, arrival, at, place) = (self.channel, self.headers, self.arrival, self.at, self.place);
        Ok(Identified { channel, request, payload, identity, mined_bytes, body_bytes, headers, arrival, at, place })
    }
}

/// A request that names a service, and what it wants from the node.
pub(super) fn decode(channel: Channel, body: Bytes) -> Result<(RelayRequest, Payload), Refusal> {
    let request = decode_request(body).map_err(|_| Refusal::NotARelay)?;
    let header = request.meta.as_ref().and_then(|meta| meta.session_header.as_ref());
    if header.is_none_or(|header| header.service_id.is_empty()) {
        return Err(Refusal::NotARelay);
    }
    let payload = match channel {
        Channel::Socket => Payload::Frame(request.payload.clone()),
        Channel::Http | Channel::Grpc => {
            Payload::Call(envelope::decode_request(request.payload.clone()).map_err(|_| Refusal::NotARelay)?)
        }
    };
    Ok((request, payload))
}

impl Identified {
    /// Which of the service's backends is meant.
    pub(super) fn rpc_type(&self, service: &Service) -> Result<RpcType, Refusal> {
        let kind = kind(self.channel, &self.headers, &self.payload, service);
        kind.ok_or_else(|| Refusal::NoBackend(self.identity.session.service.clone()))
    }
}

/// Which of the service's backends is meant: the unsigned `Rpc-Type` says it, else the call, else the service. `None` when the
/// header makes no sense.
pub(super) fn kind(channel: Channel, headers: &HeaderMap, payload: &Payload, service: &Service) -> Option<RpcType> {
    if channel == Channel::Socket {
        return Some(RpcType::WebSocket);
    }
    if let Some(asked) = headers.get("rpc-type").filter(|asked| !asked.is_empty()) {
        return asked.to_str().ok().and_then(|text| text.parse().ok());
    }
    match payload {
        Payload::Call(call) if channel == Channel::Grpc && is_grpc(&call.headers) => Some(RpcType::Grpc),
        _ => Some(service.default_type),
    }
}

impl Identified {
    /// How long the caller waits, where it can say so.
    pub(super) fn patience(&self) -> Option<Duration> {
        if self.channel == Channel::Grpc { patience(&self.headers) } else { None }
    }
}

fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
