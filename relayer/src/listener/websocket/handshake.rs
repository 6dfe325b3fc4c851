//! Which service a socket is for, and who says so. All of it comes from headers that may be forged: what a socket costs anybody
//! is decided by the signed messages on it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use relay_core::address::Address;
use relay_core::proto::pocket::service::{RelayRequest, RelayRequestMetadata};
use relay_core::proto::pocket::session::SessionHeader;
use relay_core::relay::encode_request;
use relay_core::units::ServiceId;
use sha1::{Digest, Sha1};

use crate::refusal::Refusal;

/// Where gateways name the service, in this order; after them the first segment of the path.
const SERVICE_HEADERS: [&str; 3] = ["target-service-id", "pocket-service-id", "x-forwarded-host"];

/// What the headers of an upgrade say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Invitation {
    pub(super) service: ServiceId,
    /// Whom the gateway means to talk to. Its messages must be for this one.
    pub(super) supplier: Option<Address>,
    pub(super) application: Option<Address>,
}

/// Whether a request asks for a WebSocket.
pub(in crate::listener) fn is_upgrade<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && has_token(request.headers(), &CONNECTION, "upgrade")
        && has_token(request.headers(), &UPGRADE, "websocket")
}

impl Invitation {
    pub(super) fn read<B>(request: &Request<B>) -> Result<Self, Refusal> {
        let headers = request.headers();
        let named = SERVICE_HEADERS.into_iter().find_map(|name| text(headers, name));
        let service = named.or_else(|| request.uri().path().split('/').find(|segment| !segment.is_empty()));
        let address = |name| text(headers, name).and_then(|address| address.parse().ok());
        Ok(Self {
            service: service.ok_or(Refusal::NoService)?.into(),
            supplier: address("pocket-supplier-address"),
            application: address("app-address"),
        })
    }
}

/// The answer that opens the socket: no extension, no subprotocol.
pub(super) fn agree(headers: &HeaderMap) -> Result<Response<()>, Refusal> {
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::NotASocket("Sec-WebSocket-Version must be 13"));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes).unwrap_or_default();
    if BASE64_STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16) {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let answers = response.headers_mut();
        answers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        answers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = accept_key(key).try_into() {
            answers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        return Ok(response);
    }
    Err(Refusal::NotASocket("Sec-WebSocket-Key must be 16 bytes in base64"))
}

/// What proves that the other side speaks WebSocket.
pub(super) fn accept_key(key: &[u8]) -> String {
    let hash = Sha1::new().chain_update(key).chain_update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").finalize();
    BASE64_STANDARD.encode(hash)
}

/// The request without payload that gateways sign around the handshake, encoded. `None` when a header is missing.
pub(super) fn signed_handshake(headers: &HeaderMap, service: &ServiceId) -> Option<Bytes> {
    let named = |name| text(headers, name).map(str::to_owned);
    let height = |name| text(headers, name).and_then(|height| height.parse().ok());
    let session_header = SessionHeader {
        application_address: named("app-address")?,
        service_id: service.as_str().to_owned(),
        session_id: named("pocket-session-id")?,
        session_start_block_height: height("pocket-session-start-height")?,
        session_end_block_height: height("pocket-session-end-height")?,
    };
    let meta = RelayRequestMetadata {
        session_header: Some(session_header),
        signature: BASE64_STANDARD.decode(text(headers, "pocket-signature")?).ok()?,
        supplier_operator_address: named("pocket-supplier-address")?,
    };
    Some(encode_request(&RelayRequest { meta: Some(meta), payload: Bytes::new() }).into())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

pub(super) fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|word| word.trim().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(uri: &str, headers: &[(&str, &str)]) -> Option<String> {
        let mut request = Request::get(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let invitation = Invitation::read(&request.body(()).unwrap());
        invitation.ok().map(|invitation| invitation.service.as_str().to_owned())
    }

    #[test]
    fn the_first_that_names_a_service_counts() {
        let all = [("target-service-id", "a"), ("pocket-service-id", "b"), ("x-forwarded-host", "c")];
        assert_eq!(service("/d/e", &all), Some("a".to_owned()));
        assert_eq!(service("/d/e", &all[1..]), Some("b".to_owned()));
        assert_eq!(service("/d/e", &all[2..]), Some("c".to_owned()));
        assert_eq!(service("/d/e", &[("target-service-id", " ")]), Some("d".to_owned()));
        assert_eq!(service("//d", &[]), Some("d".to_owned()));
        assert_eq!(service("/?x=y", &[]), None);
    }

    #[test]
    fn only_a_get_with_both_headers_is_an_upgrade() {
        let request = |method: &str, connection: &str, upgrade: &str| {
            let builder = Request::builder().method(method).header("connection", connection);
            is_upgrade(&builder.header("upgrade", upgrade).body(()).unwrap())
        };
        assert!(request("GET", "keep-alive, Upgrade", "WebSocket"));
        assert!(!request("POST", "upgrade", "websocket"));
        assert!(!request("GET", "keep-alive", "websocket"));
        assert!(!request("GET", "upgrade", "h2c"));
    }

    #[test]
    fn the_key_of_the_standard_is_accepted_as_the_standard_says() {
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let headers = |version: &'static str, key: &'static str| {
            HeaderMap::from_iter([
                (SEC_WEBSOCKET_VERSION, HeaderValue::from_static(version)),
                (SEC_WEBSOCKET_KEY, HeaderValue::from_static(key)),
            ])
        };
        let response = agree(&headers("13", "dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
        assert_eq!((response.status().as_u16(), response.headers().len()), (101, 3));
        assert!(agree(&headers("8", "dGhlIHNhbXBsZSBub25jZQ==")).is_err());
        assert!(agree(&headers("13", "c2hvcnQ=")).is_err());
        assert!(agree(&HeaderMap::new()).is_err());
    }
}
