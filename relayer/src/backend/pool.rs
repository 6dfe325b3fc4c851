use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use http_body_util::{BodyExt, Either, LengthLimitError, Limited};
use relay_core::relay::RpcType;
use relay_core::relay::envelope::HttpRequest;
use tokio::time::Instant;

use super::balance::{self, Candidate};
use super::endpoint::{Attempt, Endpoint};
use super::exchange::{Connections, OutgoingBody};
use super::inflate::{TooLarge, inflate};
use super::request::{self, Origin};
use super::target::Target;
use super::{Answer, BackendError, NoAnswer, Reply, StreamedAnswer};
use crate::config::{AuthenticationConfig, Balancing, PoolConfig, basic};
use crate::refusal::BackendFault;

/// The nodes that answer one kind of request of one service.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) rpc_type: RpcType,
    connections: Connections,
    endpoints: Vec<Arc<Endpoint>>,
    headers: Vec<(HeaderName, HeaderValue)>,
    balancing: Balancing,
    turn: AtomicU64,
    most_bytes: usize,
}

impl Pool {
    /// Dials nobody yet. `most_bytes` bounds the body of a whole answer.
    pub(crate) fn new(
        connections: Connections,
        service: &str,
        rpc_type: RpcType,
        config: &PoolConfig,
        most_bytes: usize,
    ) -> Result<Arc<Self>, BackendError> {
        let headers = config.headers.iter().map(|(name, value)| {
            let name_and_value = (HeaderName::try_from(name).ok()).zip(HeaderValue::try_from(value).ok());
            name_and_value.ok_or_else(|| BackendError::Header(name.clone()))
        });
        let credential = config.authentication.as_ref().map(AuthenticationConfig::header).transpose()?;
        let pool: Arc<str> = format!("{service}:{rpc_type}").into();
        let endpoints = config.nodes().into_iter().map(|node| {
            let target = Target::parse(&node.url, config.base_path.as_deref());
            let target = target.ok_or_else(|| BackendError::Url(node.label().to_owned()))?;
            let of_url = target.user().map(|(user, password)| basic(user, password)).transpose()?;
            let credential = credential.clone().or(of_url);
            Ok(Endpoint::new(&node, Arc::clone(&pool), target, credential, &config.breaker))
        });
        Ok(Arc::new(Self {
            rpc_type,
            connections,
            endpoints: endpoints.collect::<Result<_, BackendError>>()?,
            headers: headers.collect::<Result<_, _>>()?,
            balancing: config.balancing(),
            turn: AtomicU64::new(0),
            most_bytes,
        }))
    }

    /// The most bytes of a whole answer.
    pub(crate) fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// All endpoints, healthy or not.
    pub(crate) fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// Whether an endpoint is worth sending relays to.
    pub(crate) fn is_healthy(&self) -> bool {
        self.endpoints.iter().any(|endpoint| endpoint.is_good())
    }

    /// The endpoint to ask next; `None` when none is worth it.
    pub(crate) fn pick(&self) -> Option<Attempt> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut candidates: Vec<Candidate> = self.candidates().collect();
        while let Some(place) = balance::choose(self.balancing, &candidates, turn) {
            // Somebody else may have taken the only trial of this one meanwhile.
            if let Some(attempt) = self.endpoints.get(place).and_then(Endpoint::enter) {
                return Some(attempt);
            }
            candidates.retain(|candidate| candidate.place != place);
        }
        None
    }

    fn candidates(&self) -> impl Iterator<Item = Candidate> {
        let all = self.endpoints.iter().enumerate();
        all.filter(|(_, endpoint)| endpoint.is_good()).map(|(place, endpoint)| Candidate {
            place,
            weight: endpoint.weight,
            in_flight: endpoint.in_flight(),
        })
    }

    /// Asks, and waits for the answer until `deadline`: all of it, or its headers if it is a stream.
    pub(crate) async fn ask(
        &self,
        call: HttpRequest,
        origin: &Origin<'_>,
        deadline: Instant,
    ) -> Result<Reply, NoAnswer> {
        let unsendable = NoAnswer::Fault(BackendFault::Request);
        // Whatever cannot be sent anywhere is the caller's fault: no endpoint hears of it.
        let prepared = request::prepare(call, origin, self.rpc_type, &self.headers).ok_or(unsendable)?;
        let attempt = self.pick().ok_or(NoAnswer::AllDown)?;
        let request = attempt.endpoint.request(prepared).ok_or(unsendable)?.map(Either::Left);
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
                attempt.gave(error);
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
        let unsendable = NoAnswer::Fault(BackendFault::Request);
        let prepared = request::prepare(head, origin, self.rpc_type, &self.headers).ok_or(unsendable)?;
        let attempt = self.pick().ok_or(NoAnswer::AllDown)?;
        let (parts, _) = attempt.endpoint.request(prepared).ok_or(unsendable)?.into_parts();
        let request = http::Request::from_parts(parts, body);
        let sent = tokio::time::timeout_at(deadline, self.connections.send(self.is_grpc(), request)).await;
        let no_answer = match sent.unwrap_or(Err(BackendFault::Timeout)) {
            Ok(response) if response.status().is_server_error() => NoAnswer::Status(response.status()),
            Ok(response) => {
                let (parts, body) = response.into_parts();
                return Ok(StreamedAnswer { status: parts.status, headers: parts.headers, body, attempt });
            }
            Err(fault) => NoAnswer::Fault(fault),
        };
        attempt.gave(no_answer);
        Err(no_answer)
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
                if self.is_grpc() {
                    headers.extend(body.trailers().cloned().unwrap_or_default());
                    return Ok(Ok(Answer { status: parts.status, headers, body: body.to_bytes() }));
                }
                let body = inflate(&mut headers, body.to_bytes(), self.most_bytes);
                let body = body.map_err(|TooLarge| NoAnswer::Fault(BackendFault::TooLarge))?;
                Ok(Ok(Answer { status: parts.status, headers, body }))
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
