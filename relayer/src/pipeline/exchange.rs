//! A stream of requests and answers of one session. Each message of the node's answer is a relay of its own, made with the
//! latest request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use relay_core::relay::envelope::{self, HttpRequest};
use relay_core::relay::{RelayIdentity, RpcType};
use relay_core::units::Height;
use tokio::time::Instant;

use super::admitted::Question;
use super::answered::Answered;
use super::identified::Payload;
use super::patience::{pass_on, patience};
use super::unpaid::Unpaid;
use super::verified::{Ticket, Verified};
use super::{Pipeline, Recorded};
use crate::backend::{NoAnswer, OutgoingBody, StreamedAnswer};
use crate::refusal::Refusal;
use crate::sessions::Session;

/// The place of an answer in its stream, from 1 on. Signed, so callers see what is missing; and it makes relays of equal
/// messages differ, which would otherwise be one leaf.
const SEQUENCE: HeaderName = HeaderName::from_static("relay-sequence");

/// The requests of a stream that were verified, and the answers given to them.
#[derive(Debug)]
pub(crate) struct Exchange {
    identity: RelayIdentity,
    url: String,
    until: Option<Instant>,
    latest: Mutex<Latest>,
}

#[derive(Debug)]
struct Latest {
    question: Arc<Question>,
    session: Arc<Session>,
    /// The request's own, until an answer takes it.
    ticket: Option<Ticket>,
    answers: u64,
}

/// A later request does not belong to the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stray {
    #[error("only gRPC calls can be streamed")]
    NotGrpc,
    #[error("a request of another session, application or supplier cannot continue this stream")]
    OtherIdentity,
    #[error("a request for another method cannot continue this stream")]
    OtherMethod,
}

impl Exchange {
    /// Begins with the first request, and gives its call.
    pub(crate) fn begin(verified: Verified) -> Result<(Self, HttpRequest), Stray> {
        let Verified { question, session, payload, ticket } = verified;
        let Payload::Call(call) = payload else { return Err(Stray::NotGrpc) };
        if question.rpc_type != RpcType::Grpc {
            return Err(Stray::NotGrpc);
        }
        let (identity, url) = (question.identity.clone(), call.url.clone());
        let until = patience(&question.headers).map(|patience| question.at + patience);
        let latest = Mutex::new(Latest { question, session, ticket: Some(ticket), answers: 0 });
        Ok((Self { identity, url, until, latest }, call))
    }

    /// Goes on with another request, and gives what it adds to the body of the call.
    pub(crate) fn go_on(&self, verified: Verified) -> Result<Bytes, Stray> {
        let Verified { question, session, payload, ticket } = verified;
        let Payload::Call(call) = payload else { return Err(Stray::NotGrpc) };
        if question.identity != self.identity {
            return Err(Stray::OtherIdentity);
        }
        if call.url != self.url {
            return Err(Stray::OtherMethod);
        }
        let mut latest = self.latest();
        // The node has the earlier request's bytes, so that request is spent, answered or not.
        if let Some(earlier) = latest.ticket.replace(ticket) {
            earlier.spend();
        }
        (latest.question, latest.session) = (question, session);
        Ok(call.body)
    }

    /// When the caller stops waiting.
    pub(crate) fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The last height at which relays of this session are good.
    pub(crate) fn admitted_until(&self) -> Height {
        self.latest().question.admitted_until
    }

    /// When an answer to the latest request must be there; `None` when it has had one.
    pub(crate) fn owed_by(&self) -> Option<Instant> {
        let latest = self.latest();
        latest.ticket.as_ref().map(|_| latest.question.deadline)
    }

    /// Sends the head of the call and what comes of its body, and waits for the head of the answer.
    pub(crate) async fn open(
        &self,
        mut head: HttpRequest,
        body: OutgoingBody,
        deadline: Instant,
        pipeline: &Pipeline,
    ) -> Result<StreamedAnswer, Refusal> {
        let question = Arc::clone(&self.latest().question);
        if let Some(until) = self.until {
            pass_on(&mut head.headers, until);
        }
        let asked = Instant::now();
        question.tally.before_backend(asked - question.at);
        let outcome = question.pool.open(head, body, &question.origin(), deadline).await;
        let (word, outcome) = match outcome {
            Ok(answer) => ("success", Ok(answer)),
            Err(NoAnswer::AllDown) => ("all_down", Err(Refusal::NoBackend(self.identity.session.service.clone()))),
            Err(NoAnswer::Status(status)) => ("backend_5xx", Err(Refusal::BackendStatus(status))),
            Err(NoAnswer::Fault(fault)) => (fault.outcome(), Err(Refusal::Backend(fault))),
            Err(NoAnswer::Busy) => ("busy", Err(Refusal::Overloaded)),
        };
        pipeline.metrics.backend(&question.service.label, word, asked.elapsed());
        outcome
    }

    /// Signs a message of the answer and records it as a relay. Only then it may leave.
    pub(crate) async fn answer(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        message: Bytes,
        pipeline: &Pipeline,
    ) -> Result<Recorded, Refusal> {
        let (ticket, question, session, number) = {
            let mut latest = self.latest();
            latest.answers += 1;
            let ticket = latest.ticket.take();
            (ticket, Arc::clone(&latest.question), Arc::clone(&latest.session), latest.answers)
        };
        let ticket = match ticket {
            Some(ticket) => ticket,
            None => Verified::another(&question, pipeline).await?,
        };
        question.tally.response_bytes(message.len());
        let payload = payload(status, headers, number, message);
        let answered = Answered { question, session, ticket, payload, status };
        answered.sign()?.record(pipeline).await
    }

    /// Bytes that a message of the answer may have.
    pub(crate) fn most_bytes(&self) -> usize {
        self.latest().question.pool.most_bytes()
    }

    /// Signs the end of a stream that had messages: its trailers. No relay, since the messages were.
    pub(crate) fn end(&self, status: StatusCode, trailers: HeaderMap) -> Result<Unpaid, Refusal> {
        let mut latest = self.latest();
        if let Some(unused) = latest.ticket.take() {
            unused.spend();
        }
        let payload = payload(status, trailers, latest.answers + 1, Bytes::new());
        Unpaid::end(&latest.question, payload)
    }

    fn latest(&self) -> MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn payload(status: StatusCode, mut headers: HeaderMap, number: u64, message: Bytes) -> Bytes {
    headers.insert(SEQUENCE, HeaderValue::from(number));
    envelope::encode_response(status, &headers, message)
}
