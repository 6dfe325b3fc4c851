//! The caller's side of a relay: fetch the session, build the ring, sign, send, verify the answer.
//!
//! Used by the command line and by tests. A gateway does the same.

mod error;
mod session;
mod stream;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use sha2::{Digest, Sha256};

use crate::address::{Address, PublicKey, SecretKey};
use crate::proto::pocket::service::{RelayRequest, RelayRequestMetadata, RelayResponse};
use crate::relay::envelope::{self, HttpRequest, HttpResponse};
use crate::relay::{decode_response, encode_request, request_digest, verify_response};
use crate::ring;
use crate::session::SessionHeader;

pub use error::ClientError;
pub use session::{OpenSession, SessionSupplier};
pub use stream::{RelayStream, StreamReader};

const MOST_RESPONSE_BYTES: usize = 64 << 20;

/// Sends relays. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct RelayClient {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// A relayer's signed answer, verified.
#[derive(Debug, Clone)]
pub struct VerifiedAnswer {
    /// The whole response, as the mined relay has it but for its payload.
    pub response: RelayResponse,
    /// The backend's answer inside.
    pub answer: HttpResponse,
}

impl RelayClient {
    /// A client for HTTP/1.1 and, where `http2` asks for it, for HTTP/2 with prior knowledge only.
    pub fn new(http2: bool) -> Result<Self, ClientError> {
        let mut dial = HttpConnector::new();
        dial.set_nodelay(true);
        dial.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| ClientError::Certificates(error.to_string()))?
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(dial);
        let http =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).http2_only(http2).build(connector);
        Ok(Self { http })
    }

    /// Sends one relay and verifies the answer: its signature, its session, and its payload against the signed hash.
    pub async fn send(
        &self,
        url: &str,
        request: &RelayRequest,
        supplier: &PublicKey,
    ) -> Result<VerifiedAnswer, ClientError> {
        let (status, body) = self.post(url, encode_request(request).into()).await?;
        if status != StatusCode::OK {
            return Err(ClientError::Refused { status, text: String::from_utf8_lossy(&body).into_owned() });
        }
        verify(request, body, supplier)
    }

    /// Sends bytes as they are, and gives status and body as they come.
    pub async fn post(&self, url: &str, body: Bytes) -> Result<(StatusCode, Bytes), ClientError> {
        let response = self.open(url, body, HeaderMap::new()).await?;
        let (status, body) = (response.status(), response.into_body());
        Ok((status, whole(url, body).await?))
    }

    /// Sends one relay, with headers around it, whose answer may come bit by bit.
    pub async fn stream(
        &self,
        url: &str,
        request: &RelayRequest,
        supplier: &PublicKey,
        headers: HeaderMap,
    ) -> Result<RelayStream, ClientError> {
        let response = self.open(url, encode_request(request).into(), headers).await?;
        let status = response.status();
        if response.headers().get(http::header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json")
            && status != StatusCode::OK
        {
            let text = String::from_utf8_lossy(&whole(url, response.into_body()).await?).into_owned();
            return Err(ClientError::Refused { status, text });
        }
        let (parts, body) = response.into_parts();
        Ok(RelayStream::new(url, parts, body, StreamReader::new(request.clone(), *supplier)))
    }

    /// Sends bytes, with headers around them, and gives the answer when its head is there.
    async fn open(&self, url: &str, body: Bytes, headers: HeaderMap) -> Result<http::Response<Incoming>, ClientError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = url.parse().map_err(|error: http::uri::InvalidUri| unreachable(url, error.to_string()))?;
        *request.headers_mut() = headers;
        request
            .headers_mut()
            .entry(http::header::CONTENT_TYPE)
            .or_insert(http::HeaderValue::from_static("application/x-protobuf"));
        self.http.request(request).await.map_err(|error| unreachable(url, causes(&error)))
    }
}

async fn whole(url: &str, body: Incoming) -> Result<Bytes, ClientError> {
    let body = Limited::new(body, MOST_RESPONSE_BYTES).collect().await;
    Ok(body.map_err(|error| unreachable(url, error.to_string()))?.to_bytes())
}

fn unreachable(url: &str, reason: String) -> ClientError {
    ClientError::Unreachable { url: url.to_owned(), reason }
}

/// A JSON-RPC call as gateways put it into a relay.
#[must_use]
pub fn json_rpc_payload(body: Bytes) -> Bytes {
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    envelope::encode_request(&HttpRequest { method: Method::POST, url: "/".to_owned(), headers, body })
}

/// Builds a request for a supplier of the session and signs it. Each call gives another signature, so another relay.
pub fn sign_request(
    session: &SessionHeader,
    ring: &[PublicKey],
    supplier: &Address,
    payload: Bytes,
    key: &SecretKey,
) -> Result<RelayRequest, ClientError> {
    let mut meta = RelayRequestMetadata {
        session_header: Some(session.into()),
        signature: Vec::new(),
        supplier_operator_address: supplier.as_str().to_owned(),
    };
    let mut request = RelayRequest { meta: Some(meta.clone()), payload };
    meta.signature = ring::sign(&request_digest(&request), ring, key, &mut rand::rng())?.encode();
    request.meta = Some(meta);
    Ok(request)
}

/// Checks a response against the request it answers.
pub fn verify(request: &RelayRequest, body: Bytes, supplier: &PublicKey) -> Result<VerifiedAnswer, ClientError> {
    let response = decode_response(body).map_err(|error| ClientError::Undecodable(error.to_string()))?;
    verify_response(&response, supplier)?;
    let asked = request.meta.as_ref().and_then(|meta| meta.session_header.as_ref());
    if response.meta.as_ref().and_then(|meta| meta.session_header.as_ref()) != asked {
        return Err(ClientError::OtherSession);
    }
    if response.payload_hash != Sha256::digest(&response.payload).as_slice() {
        return Err(ClientError::PayloadHash);
    }
    let answer = envelope::decode_response(response.payload.clone())
        .map_err(|error| ClientError::Undecodable(error.to_string()))?;
    Ok(VerifiedAnswer { response, answer })
}

/// An error with what caused it: the outermost text of an HTTP client alone says nothing.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
