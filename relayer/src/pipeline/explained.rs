//! Relays over gRPC: always verified before the node is asked, always answered as a whole, and where the node does not answer
//! the caller gets a signed reason.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::Instant;

use super::answered::{Answered, ask, wrap};
use super::identified::Payload;
use super::received::Received;
use super::unpaid::Unpaid;
use super::verified::Verified;
use super::{Pipeline, Recorded};
use crate::backend::{Answer, Reply, StreamedAnswer};
use crate::metrics::Component;
use crate::refusal::{BackendFault, Refusal};

/// What a caller gets that is told why when there is no answer.
#[derive(Debug)]
pub(crate) enum Explained {
    /// A relay.
    Answer(Recorded),
    /// No relay: why the node gave no answer.
    NoAnswer(Unpaid),
}

impl Explained {
    /// The encoded signed response.
    pub(crate) fn into_response(self) -> Bytes {
        match self {
            Self::Answer(recorded) => recorded.response,
            Self::NoAnswer(unpaid) => unpaid.response,
        }
    }
}

impl Pipeline {
    /// Takes a relay through all steps. From the backend on the work goes on when the caller leaves. Gives its service's label,
    /// too.
    pub(crate) async fn serve_explained(
        self: &Arc<Self>,
        received: Received,
    ) -> Result<(Arc<str>, Explained), Refusal> {
        let (tally, verified) = self.verify(received).await?;
        let (pipeline, question) = (Arc::clone(self), Arc::clone(&verified.question));
        let rest = tokio::spawn(async move {
            let answered = Box::pin(verified.answer_whole(&pipeline)).await?;
            let (tally, answered_at) = (Arc::clone(answered.tally()), Instant::now());
            let recorded = answered.sign()?.record(&pipeline).await?;
            tally.after_backend(answered_at.elapsed());
            Ok(recorded)
        });
        let recorded = rest.await.unwrap_or_else(|_| {
            // It panics only if we do, and then nobody has an answer.
            self.metrics.panics.recovered(Component::Pipeline);
            Err(Refusal::Unsigned)
        });
        let explained = match recorded.map_err(|refusal| self.refused(&tally, refusal)) {
            Ok(recorded) => Explained::Answer(recorded),
            Err(Refusal::Backend(fault)) => Explained::NoAnswer(Unpaid::no_answer(&question, fault)?),
            Err(refusal) => return Err(refusal),
        };
        Ok((Arc::clone(&question.service.label), explained))
    }
}

impl Verified {
    /// Asks the node, and waits for all of its answer, also where it comes bit by bit.
    async fn answer_whole(self, pipeline: &Pipeline) -> Result<Answered, Refusal> {
        let Self { question, session, payload, ticket } = self;
        let Payload::Call(call) = payload else { return Err(Refusal::NotARelay) };
        let answer = match ask(&question, call, pipeline).await? {
            Reply::Whole(answer) => answer,
            Reply::Stream(stream) => {
                let reading = collect(stream, pipeline.limits.response_bytes);
                let read = tokio::time::timeout_at(question.deadline, reading).await;
                read.unwrap_or(Err(BackendFault::Timeout)).map_err(Refusal::Backend)?
            }
        };
        question.tally.response_bytes(answer.body.len());
        let (status, payload) = wrap(answer);
        Ok(Answered { question, session, ticket, payload, status })
    }
}

async fn collect(stream: StreamedAnswer, most: usize) -> Result<Answer, BackendFault> {
    let StreamedAnswer { status, headers, body, retries, attempt } = stream;
    match Limited::new(body, most).collect().await {
        Ok(body) => {
            attempt.succeeded();
            Ok(Answer { status, headers, body: body.to_bytes(), retries })
        }
        Err(error) => {
            let fault = if error.is::<LengthLimitError>() { BackendFault::TooLarge } else { BackendFault::Connection };
            attempt.failed(fault);
            Err(fault)
        }
    }
}
