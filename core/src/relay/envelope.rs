//! The HTTP call inside a request's payload and the HTTP answer inside a response's, see `docs/protocol/encoding.md`.
//!
//! Signatures cover the payload as bytes, so nothing about the envelope is consensus. It is still written exactly as
//! gateways write it: the same call gives the same bytes.

mod wire;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use prost::Message;

use crate::proto::sdk::types::{Header, PokthttpRequest, PokthttpResponse};
pub use wire::{encode_request_message, encode_response_message};

/// The call that a gateway wants made.
#[derive(Debug, Clone)]
pub struct HttpRequest {
    /// The method; an empty one on the wire means GET.
    pub method: Method,
    /// As on the wire: a whole URL or only path and query.
    pub url: String,
    /// Fields that HTTP cannot carry are left out.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// The answer that a client gets.
#[derive(Debug, Clone)]
pub struct HttpResponse {
    /// The backend's status.
    pub status: StatusCode,
    /// Fields that HTTP cannot carry are left out.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Why a payload holds no HTTP message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Broken protobuf, or a text that is not UTF-8.
    #[error("the payload is not a {message}: {reason}")]
    Malformed {
        /// The expected message.
        message: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// Not a method that HTTP knows how to write.
    #[error("{0:?} is not an HTTP method")]
    Method(String),
    /// Not 100 to 999.
    #[error("{0} is not an HTTP status")]
    Status(u32),
}

/// Takes the call out of a request's payload.
pub fn decode_request(payload: Bytes) -> Result<HttpRequest, EnvelopeError> {
    let message = PokthttpRequest::decode(payload)
        .map_err(|error| EnvelopeError::Malformed { message: "POKTHTTPRequest", reason: error.to_string() })?;
    let method = if message.method.is_empty() {
        Method::GET
    } else {
        message.method.parse().map_err(|_| EnvelopeError::Method(message.method.clone()))?
    };
    Ok(HttpRequest { method, url: message.url, headers: headers_of(&message.header), body: message.body_bz })
}

/// Takes the answer out of a response's payload.
pub fn decode_response(payload: Bytes) -> Result<HttpResponse, EnvelopeError> {
    let message = PokthttpResponse::decode(payload)
        .map_err(|error| EnvelopeError::Malformed { message: "POKTHTTPResponse", reason: error.to_string() })?;
    let code = message.status_code;
    let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or(EnvelopeError::Status(code))?;
    Ok(HttpResponse { status, headers: headers_of(&message.header), body: message.body_bz })
}

/// Puts a call into a payload, as gateways do.
#[must_use]
pub fn encode_request(request: &HttpRequest) -> Bytes {
    encode_request_message(&PokthttpRequest {
        method: request.method.as_str().to_owned(),
        header: to_message(&request.headers),
        url: request.url.clone(),
        body_bz: request.body.clone(),
    })
}

/// Puts an answer into a payload. Never empty, since a status is not zero.
#[must_use]
pub fn encode_response(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Bytes {
    encode_response_message(&PokthttpResponse {
        status_code: u32::from(status.as_u16()),
        header: to_message(headers),
        body_bz: body,
    })
}

type Headers = std::collections::BTreeMap<String, Header>;

fn headers_of(message: &Headers) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (map_key, header) in message {
        let name = if header.key.is_empty() { map_key } else { &header.key };
        let Ok(name) = name.parse::<HeaderName>() else { continue };
        for value in header.values.iter().filter_map(|value| HeaderValue::from_bytes(value.as_bytes()).ok()) {
            headers.append(&name, value);
        }
    }
    headers
}

/// A value that is not UTF-8 keeps what is: the envelope can only carry text, and losing a relay over a stray byte in a
/// header would be worse.
fn to_message(headers: &HeaderMap) -> Headers {
    let mut message = Headers::new();
    for (name, value) in headers {
        let name = canonical_name(name.as_str());
        let header = message.entry(name.clone()).or_insert_with(|| Header { key: name, values: Vec::new() });
        header.values.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    message
}

/// `content-type` → `Content-Type`: some consumers look names up in this form only.
pub(super) fn canonical_name(name: &str) -> String {
    let mut start_of_word = true;
    name.chars()
        .map(|letter| {
            let written = if start_of_word { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() };
            start_of_word = letter == '-';
            written
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_canonical_and_values_text() {
        let mut headers = HeaderMap::new();
        headers.append("grpc-status", HeaderValue::from_static("0"));
        headers.append("x-latin", HeaderValue::from_bytes(b"caf\xe9").unwrap());
        headers.append("x-latin", HeaderValue::from_static("second"));
        let payload = encode_response(StatusCode::OK, &headers, Bytes::from_static(b"{}"));
        let message = PokthttpResponse::decode(payload.clone()).unwrap();
        assert_eq!(message.header.keys().collect::<Vec<_>>(), ["Grpc-Status", "X-Latin"]);
        assert_eq!(message.header["X-Latin"].values, ["caf\u{fffd}", "second"]);
        let answer = decode_response(payload).unwrap();
        assert_eq!((answer.status, answer.body), (StatusCode::OK, Bytes::from_static(b"{}")));
        assert_eq!(answer.headers.get_all("x-latin").iter().count(), 2);
    }

    #[test]
    fn what_http_cannot_carry_is_refused_or_left_out() {
        let request = |method: &str, name: &str, value: &str| {
            let header = Header { key: name.to_owned(), values: vec![value.to_owned()] };
            decode_request(encode_request_message(&PokthttpRequest {
                method: method.to_owned(),
                header: [(name.to_owned(), header)].into(),
                url: "/".to_owned(),
                body_bz: Bytes::new(),
            }))
        };
        assert_eq!(request("", "a", "b").unwrap().method, Method::GET);
        assert!(matches!(request("NO SPACE", "a", "b"), Err(EnvelopeError::Method(_))));
        assert!(request("GET", "no space", "b").unwrap().headers.is_empty());
        assert!(request("GET", "a", "line\nbreak").unwrap().headers.is_empty());
        assert!(matches!(decode_response(Bytes::new()), Err(EnvelopeError::Status(0))));
    }

    #[test]
    fn a_response_is_never_empty() {
        assert!(!encode_response(StatusCode::NO_CONTENT, &HeaderMap::new(), Bytes::new()).is_empty());
    }
}
