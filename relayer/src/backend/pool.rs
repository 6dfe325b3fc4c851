use std::sync::Arc;

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use http_body_util::{BodyExt, Either, Full, LengthLimitError, Limited};
use relay_core::relay::RpcType;
use relay_core::relay::envelope::HttpRequest;
use tokio::time::Instant;

use super::endpoint::{Attempt, Endpoint};
use super::exchange::{Connections, OutgoingBody};
use super::health::Health;
use super::request::{self, Origin};
use super::target::Target;
use super::{Answer, BackendError, NoAnswer, Reply, StreamedAnswer};
use crate::config::PoolConfig;
use crate::refusal::BackendFault;

/// The nodes that answer one kind of request of one service.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) rpc_type: RpcType,
    connections: Connections,
    endpoints: Vec<Arc<Endpoint>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    most_bytes: usize,
}

impl Pool {
    /// Dials nobody yet. `most_bytes` bounds the body of a whole answer.
    pub(crate) fn new(
        connections: Connections,
        rpc_type: RpcType,
        config: &PoolConfig,
        most_bytes: usize,
    ) -> Result<Arc<Self>, BackendError> {
        let headers = config.headers.iter().map(|(name, value)| {
            let name_and_value = (HeaderName::try_from(name).ok()).zip(HeaderValue::try_from(value).ok());
            name_and_value.ok_or_else(|| BackendError::Header(name.clone()))
        });
        let endpoints = config.nodes().into_iter().map(|node| {
            let target = Target::parse(&node.url).ok_or_else(|| BackendError::Url(node.url.clone()))?;
            let name = node.name.map_or_else(|| target.host().into(), Arc::from);
            Ok(Arc::new(Endpoint { name, target, health: Health::default() }))
        });
        Ok(Arc::new(Self {
            rpc_type,
            connections,
            endpoints: endpoints.collect::<Result<_, _>>()?,
            headers: headers.collect::<Result<_, _>>()?,
            most_bytes,
        }))
    }

    /// All endpoints, healthy or not.
    pub(crate) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Whether an endpoint is worth sending relays to.
    pub(crate) fn is_healthy(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.health.is_good())
    }

    /// The endpoint to ask next; `None` when none is worth it.
    pub(crate) fn pick(&self) -> Option<Attempt> {
        let endpoint = self.endpoints.iter().find(|endpoint| endpoint.health.is_good())?;
        Some(Attempt { endpoint: Arc::clone(endpoint) })
    }

    /// Asks, and waits for the answer until `deadline`: all of it, or its headers if it is a stream.
    pub(crate) async fn ask(
        &self,
        call: HttpRequest,
        origin: &Origin<'_>,
        deadline: Instant,
    ) -> Result<Reply, NoAnswer> {
        let attempt = self.pick().ok_or(NoAnswer::AllDown)?;
        // Whatever cannot be sent anywhere is the caller's fault: it must not count against the backend.
        let request = request::build(call, origin, &attempt.endpoint.target, &self.headers)
            .ok_or(NoAnswer::Fault(BackendFault::Request))?;
        let request = request.map(Either::Left);
        let outcome = match tokio::time::timeout_at(deadline, self.exchange(request)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(NoAnswer::Fault(BackendFault::Timeout)),
        };
        match outcome {
            Ok(Ok(answer)) => {
                attempt.succeeded();
                Ok(Reply::Whole(answer))
            }
            Ok(Err(response)) => {
                let (parts, body) = response.into_parts();
                Ok(Reply::Stream(StreamedAnswer { status: parts.status, headers: parts.headers, body, attempt }))
            }
            Err(error) => {
                if let NoAnswer::Fault(fault) = error {
                    attempt.failed(fault);
                }
                Err(error)
            }
        }
    }

    /// Sends the head of a call and a body that comes bit by bit, and waits for the headers of the answer until `deadline`.
    pub(crate) async fn open(
        &self,
        head: HttpRequest,
        body: OutgoingBody,
        origin: &Origin<'_>,
        deadline: Instant,
    ) -> Result<StreamedAnswer, NoAnswer> {
        let attempt = self.pick().ok_or(NoAnswer::AllDown)?;
        let request = request::build(head, origin, &attempt.endpoint.target, &self.headers)
            .ok_or(NoAnswer::Fault(BackendFault::Request))?;
        let (parts, _) = request.into_parts();
        let request = http::Request::from_parts(parts, body);
        let sent = tokio::time::timeout_at(deadline, self.connections.send(self.is_grpc(), request)).await;
        match sent.unwrap_or(Err(BackendFault::Timeout)) {
            Ok(response) if response.status().is_server_error() => Err(NoAnswer::Status(response.status())),
            Ok(response) => {
                let (parts, body) = response.into_parts();
                Ok(StreamedAnswer { status: parts.status, headers: parts.headers, body, attempt })
            }
            Err(fault) => {
                attempt.failed(fault);
                Err(NoAnswer::Fault(fault))
            }
        }
    }

    fn is_grpc(&self) -> bool {
        self.rpc_type == RpcType::Grpc
    }

    /// A whole answer, or the response of a stream.
    async fn exchange(
        &self,
        request: http::Request<OutgoingBody>,
    ) -> Result<Result<Answer, http::Response<hyper::body::Incoming>>, NoAnswer> {
        let response = self.connections.send(self.is_grpc(), request).await.map_err(NoAnswer::Fault)?;
        if response.status().is_server_error() {
            return Err(NoAnswer::Status(response.status()));
        }
        if is_stream(response.headers()) {
            return Ok(Err(response));
        }
        let (parts, body) = response.into_parts();
        match Limited::new(body, self.most_bytes).collect().await {
            Ok(body) => {
                let mut headers = parts.headers;
                if let Some(trailers) = body.trailers().filter(|_| self.is_grpc()) {
                    headers.extend(trailers.clone());
                }
                Ok(Ok(Answer { status: parts.status, headers, body: body.to_bytes() }))
            }
            Err(error) if error.is::<LengthLimitError>() => Err(NoAnswer::Fault(BackendFault::TooLarge)),
            Err(_) => Err(NoAnswer::Fault(BackendFault::Connection)),
        }
    }
}

/// Server-sent events and newline-delimited JSON are passed on as they come.
fn is_stream(headers: &http::HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    ["text/event-stream", "application/x-ndjson"].iter().any(|stream| media_type.eq_ignore_ascii_case(stream))
}
