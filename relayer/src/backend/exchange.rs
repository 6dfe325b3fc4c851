use std::error::Error as _;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use relay_core::relay::RpcType;
use rustls::ClientConfig;

use super::dial::{Dial, HasServed};
use super::{BackendError, Failure};
use crate::config::{NodeTlsFiles, PoolConfig};
use crate::metrics::backend::Meter;

/// What is sent: all at once, or bit by bit.
pub(crate) type OutgoingBody = Either<Full<Bytes>, UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>>;

/// Whose certificates nodes are believed with. Read once, shared by all pools.
#[derive(Debug, Clone)]
pub(crate) struct Trust(ClientConfig);

impl Trust {
    /// The certificates of this system.
    pub(crate) fn of_system() -> Result<Self, BackendError> {
        let config = ClientConfig::builder()
            .with_native_roots()
            .map_err(|error| BackendError::Certificates(error.to_string()))?;
        Ok(Self(config.with_no_client_auth()))
    }

    /// The same, for nodes that have files of their own.
    pub(super) fn with(&self, files: Option<&NodeTlsFiles>) -> Result<Self, BackendError> {
        let Some(files) = files else { return Ok(self.clone()) };
        files.client(&self.0).map(Self).map_err(BackendError::Tls)
    }
}

/// The connections of one pool. Each pool has its own, so that a slow service cannot take those of another.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    client: Client<HttpsConnector<Dial>, OutgoingBody>,
    meter: Meter,
}

impl Connections {
    /// Opens no connection yet. gRPC is HTTP/2 only, with prior knowledge where there is no TLS; sockets begin as HTTP/1.1;
    /// everything else is HTTP/1.1, or HTTP/2 where TLS negotiates it.
    pub(super) fn new(kind: RpcType, config: &PoolConfig, trust: &Trust, meter: Meter) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.enforce_http(false);
        connector.set_connect_timeout(Some(config.timeouts.dial.0));
        let dial = Dial { connector, meter: meter.clone() };
        let https = HttpsConnectorBuilder::new().with_tls_config(trust.0.clone()).https_or_http();
        let connector = match kind {
            RpcType::Grpc => https.enable_http2().wrap_connector(dial),
            RpcType::WebSocket => https.enable_http1().wrap_connector(dial),
            RpcType::JsonRpc | RpcType::Rest | RpcType::CometBft => https.enable_all_versions().wrap_connector(dial),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.connections.idle_timeout.0)
            .pool_max_idle_per_host(config.connections.max_idle)
            .http2_only(kind == RpcType::Grpc)
            .build(connector);
        Self { client, meter }
    }

    /// Sends, and waits for the headers of the answer.
    pub(super) async fn send(&self, request: Request<OutgoingBody>) -> Result<Response<Incoming>, Failure> {
        match self.request(request).await {
            Ok(response) => {
                let mark = response.extensions().get::<HasServed>();
                self.meter.connection(mark.is_some_and(HasServed::again));
                Ok(response)
            }
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "no answer from a backend");
                Err(if was_not_sent(&error) { Failure::UNSENT } else { Failure::BROKEN })
            }
        }
    }
}

impl Connections {
    /// Sends without counting: for those who look at nodes.
    pub(super) async fn request(&self, request: Request<OutgoingBody>) -> Result<Response<Incoming>, Error> {
        self.client.request(request).await
    }
}

/// Whether the node cannot have seen anything of the request.
fn was_not_sent(error: &Error) -> bool {
    let canceled = error.source().and_then(|source| source.downcast_ref::<hyper::Error>());
    error.is_connect() || canceled.is_some_and(hyper::Error::is_canceled)
}
