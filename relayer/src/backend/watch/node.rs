use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AUTHORIZATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::backend::endpoint::Endpoint;
use crate::backend::exchange::Connections;

/// The most bytes of an answer that are looked at.
const MOST_BYTES: usize = 1 << 20;

/// A node as those who look at it see it: the same connections, URL, headers and credential that relays have.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) endpoint: Arc<Endpoint>,
    connections: Connections,
    headers: HeaderMap,
}

/// Headers of a configuration, which was checked.
pub(super) fn headers(configured: &BTreeMap<String, String>) -> HeaderMap {
    let headers = configured
        .iter()
        .filter_map(|(name, value)| Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value).ok()?)));
    headers.collect()
}

impl Node {
    pub(super) fn new(endpoint: &Arc<Endpoint>, connections: &Connections, headers: HeaderMap) -> Self {
        Self { endpoint: Arc::clone(endpoint), connections: connections.clone(), headers }
    }

    /// Sends a request to a path under the node's base path, with `headers` in place of the pool's. An error says what went
    /// wrong, never where to.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, String> {
        let mut request = Request::new(Either::Left(Full::new(body)));
        *request.method_mut() = method;
        *request.uri_mut() = self.endpoint.target.url(path).ok_or("the path makes no URL")?;
        let all = request.headers_mut();
        all.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        all.extend(self.headers.clone());
        if let Some(credential) = &self.endpoint.credential {
            all.insert(AUTHORIZATION, credential.clone());
        }
        all.extend(headers);
        self.connections.request(request).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("{error}: {}", cause.unwrap_or_default())
        })
    }

    /// Opens a TCP connection and closes it.
    pub(super) async fn dial(&self) -> Result<(), String> {
        let target = &self.endpoint.target;
        let port = target.authority().port_u16().unwrap_or(if target.is_encrypted() { 443 } else { 80 });
        let host = target.authority().host().trim_start_matches('[').trim_end_matches(']');
        let dialled = tokio::net::TcpStream::connect((host, port)).await;
        dialled.map(drop).map_err(|error| error.to_string())
    }
}

/// The body of an answer and its trailers; `None` when it is larger than anybody wants to look at.
pub(super) async fn body(response: Response<Incoming>) -> Result<Option<(Bytes, HeaderMap)>, String> {
    match Limited::new(response.into_body(), MOST_BYTES).collect().await {
        Ok(body) => {
            let trailers = body.trailers().cloned().unwrap_or_default();
            Ok(Some((body.to_bytes(), trailers)))
        }
        Err(error) if error.is::<LengthLimitError>() => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
