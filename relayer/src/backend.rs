//! The node behind a service: one pooled HTTP client, one deadline for the whole answer.

mod health;
mod request;
mod target;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use relay_core::relay::envelope::HttpRequest;

use self::health::Health;
pub(crate) use self::request::Origin;
use self::target::Target;
use crate::config::BackendConfig;
use crate::refusal::BackendFault;

const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
const DIAL_TIMEOUT: Duration = Duration::from_secs(5);
const IDLE_CONNECTIONS: usize = 256;

type Pool = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A backend cannot be used as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The URL has no scheme or host we can dial.
    #[error("backend URL `{0}` must look like http://host:port or https://host/path")]
    Url(String),
    /// A header that no request can carry.
    #[error("backend header `{0}` is not a header or has a value that cannot be sent")]
    Header(String),
    /// The system's certificates cannot be read.
    #[error("cannot read the certificates of this system: {0}")]
    Certificates(String),
}

/// Connections to all backends; one for the process, since pools are kept by host.
#[derive(Debug, Clone)]
pub(crate) struct Connections(Pool);

/// What a backend answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status, below 500.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

/// Why there is no answer to pay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// None at all.
    Fault(BackendFault),
    /// A server error.
    Status(StatusCode),
}

/// The node behind one service.
#[derive(Debug)]
pub(crate) struct Backend {
    connections: Connections,
    target: Target,
    headers: Vec<(HeaderName, HeaderValue)>,
    timeout: Duration,
    most_bytes: usize,
    health: Health,
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
        let pool = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Ok(Self(pool))
    }
}

impl Backend {
    /// The backend of a service. `most_bytes` bounds a body it may send.
    pub(crate) fn new(
        connections: Connections,
        config: &BackendConfig,
        most_bytes: usize,
    ) -> Result<Arc<Self>, BackendError> {
        let headers = config.headers.iter().map(|(name, value)| {
            let name_and_value = (HeaderName::try_from(name).ok()).zip(HeaderValue::try_from(value).ok());
            name_and_value.ok_or_else(|| BackendError::Header(name.clone()))
        });
        Ok(Arc::new(Self {
            connections,
            target: Target::parse(&config.url).ok_or_else(|| BackendError::Url(config.url.clone()))?,
            headers: headers.collect::<Result<_, _>>()?,
            timeout: config.timeout.0,
            most_bytes,
            health: Health::default(),
        }))
    }

    /// How long an answer may take.
    #[must_use]
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether it is worth sending relays to: it answered last time, or long enough ago to try again.
    #[must_use]
    pub(crate) fn is_healthy(&self) -> bool {
        self.health.is_good()
    }

    /// Asks, and waits for the whole answer until `deadline` from now.
    pub(crate) async fn ask(
        &self,
        call: HttpRequest,
        origin: &Origin<'_>,
        deadline: Duration,
    ) -> Result<Answer, NoAnswer> {
        // Whatever cannot be sent anywhere is the caller's fault: it must not count against the backend.
        let request =
            request::build(call, origin, &self.target, &self.headers).ok_or(NoAnswer::Fault(BackendFault::Request))?;
        let outcome = match tokio::time::timeout(deadline, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(NoAnswer::Fault(BackendFault::Timeout)),
        };
        match &outcome {
            Ok(_) => self.health.good(),
            Err(NoAnswer::Fault(BackendFault::Connection)) => self.health.bad(),
            // A slow or large answer is the request's as often as the node's; a server error came from a node that lives.
            Err(_) => {}
        }
        outcome
    }

    async fn exchange(&self, request: http::Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        let response = match self.connections.0.request(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%error, "the backend cannot be reached");
                return Err(NoAnswer::Fault(BackendFault::Connection));
            }
        };
        let (parts, body) = response.into_parts();
        if parts.status.is_server_error() {
            return Err(NoAnswer::Status(parts.status));
        }
        match Limited::new(body, self.most_bytes).collect().await {
            Ok(body) => Ok(Answer { status: parts.status, headers: parts.headers, body: body.to_bytes() }),
            Err(error) if error.is::<LengthLimitError>() => Err(NoAnswer::Fault(BackendFault::TooLarge)),
            Err(_) => Err(NoAnswer::Fault(BackendFault::Connection)),
        }
    }
}

#[cfg(test)]
mod tests;
