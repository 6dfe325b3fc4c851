use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::BackendError;
use crate::refusal::BackendFault;

const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_CONNECTIONS: usize = 256;

/// What is sent: all at once, or bit by bit.
pub(crate) type OutgoingBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>>;

type Http = Client<HttpsConnector<HttpConnector>, OutgoingBody>;

/// Connections to backends, pooled by host. Cheap to clone; clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    /// HTTP/1.1, or HTTP/2 where TLS negotiates it.
    any: Http,
    /// HTTP/2 only, with prior knowledge where there is no TLS: gRPC.
    http2: Http,
}

impl Connections {
    /// Opens no connection yet.
    pub(crate) fn new() -> Result<Self, BackendError> {
        let mut dial = HttpConnector::new();
        dial.set_nodelay(true);
        dial.enforce_http(false);
        dial.set_connect_timeout(Some(DIAL_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| BackendError::Certificates(error.to_string()))?
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(dial);
        let client = |http2_only| {
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE_TIMEOUT)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .http2_only(http2_only)
                .build(connector.clone())
        };
        Ok(Self { any: client(false), http2: client(true) })
    }

    /// Sends, and waits for the headers of the answer.
    pub(super) async fn send(
        &self,
        http2: bool,
        request: Request<OutgoingBody>,
    ) -> Result<Response<Incoming>, BackendFault> {
        let client = if http2 { &self.http2 } else { &self.any };
        client.request(request).await.map_err(|error| {
            tracing::debug!(%error, "the backend cannot be reached");
            BackendFault::Connection
        })
    }
}
