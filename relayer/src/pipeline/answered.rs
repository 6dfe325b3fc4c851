use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use relay_core::relay::RpcType;
use relay_core::relay::envelope::{self, HttpRequest};
use relay_core::units::ServiceId;
use tokio::time::Instant;

use super::Pipeline;
use super::admitted::Question;
use super::identified::Payload;
use super::patience::pass_on;
use super::streaming::Streaming;
use super::verified::{Ticket, Verified};
use crate::backend::{Answer, NoAnswer, Reply};
use crate::metrics::Tally;
use crate::refusal::Refusal;
use crate::sessions::Session;

/// A relay with its node's answer, which is paid: any status below 500.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(super) question: Arc<Question>,
    pub(super) session: Arc<Session>,
    pub(super) ticket: Ticket,
    /// What the signed response carries.
    pub(super) payload: Bytes,
    /// The node's status.
    pub(super) status: StatusCode,
}

/// What a node said to a verified relay.
pub(crate) enum Outcome {
    /// All of it, after so many retries.
    Whole(Box<Answered>, u8),
    /// The beginning of a stream.
    Stream(Box<Streaming>),
}

impl Answered {
    /// The metrics of its kind.
    pub(super) fn tally(&self) -> &Arc<Tally> {
        &self.question.tally
    }
}

impl Verified {
    /// Asks the node.
    pub(super) async fn answer(mut self, pipeline: &Pipeline) -> Result<Outcome, Refusal> {
        let Payload::Call(call) = std::mem::replace(&mut self.payload, Payload::Asked) else {
            return Err(Refusal::NotARelay);
        };
        let reply = ask(&self.question, call, pipeline).await?;
        Ok(self.answered(reply))
    }

    /// What the node has said.
    pub(super) fn answered(self, reply: Reply) -> Outcome {
        let Self { question, session, ticket, .. } = self;
        match reply {
            Reply::Whole(answer) => {
                question.tally.response_bytes(answer.body.len());
                let retries = answer.retries;
                let (status, payload) = wrap(answer);
                Outcome::Whole(Box::new(Answered { question, session, ticket, payload, status }), retries)
            }
            Reply::Stream(answer) => Outcome::Stream(Box::new(Streaming::new(question, session, ticket, answer))),
        }
    }
}

/// Asks the node behind a question.
pub(super) async fn ask(question: &Question, mut call: HttpRequest, pipeline: &Pipeline) -> Result<Reply, Refusal> {
    if question.rpc_type == RpcType::Grpc {
        pass_on(&mut call.headers, question.deadline);
    }
    let asked = Instant::now();
    question.tally.before_backend(asked - question.at);
    let outcome = question.pool.ask(call, &question.origin(), question.deadline).await;
    let (word, outcome) = match outcome {
        Ok(reply) => ("success", Ok(reply)),
        Err(no_answer) => (no_answer.outcome(), Err(no_answer)),
    };
    pipeline.metrics.backend(&question.service.label, word, asked.elapsed());
    outcome.map_err(|no_answer| no_answer.refusal(&question.identity.session.service))
}

impl NoAnswer {
    /// What the caller gets instead.
    pub(super) fn refusal(self, service: &ServiceId) -> Refusal {
        match self {
            Self::AllDown => Refusal::NoBackend(service.clone()),
            Self::Status(status) => Refusal::BackendStatus(status),
            Self::Fault(fault) => Refusal::Backend(fault),
            Self::Busy => Refusal::Overloaded,
        }
    }
}

/// The payload of a response over HTTP or gRPC.
pub(super) fn wrap(answer: Answer) -> (StatusCode, Bytes) {
    (answer.status, envelope::encode_response(answer.status, &answer.headers, answer.body))
}
