//! A stream's way: its bytes leave in signed batches as they come, and when it ends, however it ends, it is one relay.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use relay_core::relay::{STREAM_DELIMITER, encode_response, envelope, sign_response};
use relay_core::units::Height;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Pipeline;
use super::admitted::Question;
use super::batch::Batch;
use super::recorded::Recorded;
use super::streamed::Streamed;
use super::verified::Ticket;
use crate::backend::{Attempt, StreamedAnswer};
use crate::metrics::Component;
use crate::refusal::{BackendFault, Refusal};
use crate::sessions::Session;

/// Messages on their way to the caller. More would be memory for callers that do not read.
const QUEUE: usize = 2;

/// When a stream is cut, beside its service's time-out and the end of its session.
#[derive(Debug, Clone)]
pub(crate) struct Cuts {
    /// The relayer cannot wait any longer.
    pub(crate) stop: CancellationToken,
    /// The caller takes nothing for this long.
    pub(crate) stalled: Duration,
}

/// A part of a stream, framed.
#[derive(Debug)]
pub(crate) enum Part {
    /// More follow.
    More(Bytes),
    /// The last one: the relay is recorded.
    Last(Bytes),
}

/// A verified relay whose node answers bit by bit.
#[derive(Debug)]
pub(crate) struct Streaming {
    pub(super) question: Arc<Question>,
    pub(super) session: Arc<Session>,
    pub(super) ticket: Ticket,
    status: StatusCode,
    headers: HeaderMap,
    retries: u8,
    body: Incoming,
    attempt: Attempt,
}

/// What a caller gets of a stream.
#[derive(Debug)]
pub(crate) struct StreamHead {
    /// The node's status.
    pub(crate) status: StatusCode,
    /// The node's headers.
    pub(crate) headers: HeaderMap,
    /// How many other nodes were asked before it.
    pub(crate) retries: u8,
    /// Its parts. They end without a [`Part::Last`] when the last one must not leave.
    pub(crate) parts: mpsc::Receiver<Part>,
}

/// Why a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The node has said everything.
    Finished,
    /// The node broke off.
    Broken,
    /// Time-out of the service.
    Timeout,
    /// The session takes no more relays.
    SessionOver,
    /// The relayer stops.
    Stopping,
    /// The caller left, or takes nothing.
    CallerGone,
    /// A batch could not be signed.
    Unsigned,
}

impl Streaming {
    pub(super) fn new(question: Arc<Question>, session: Arc<Session>, ticket: Ticket, answer: StreamedAnswer) -> Self {
        let StreamedAnswer { status, headers, body, retries, attempt } = answer;
        Self { question, session, ticket, status, headers, retries, body, attempt }
    }

    /// Starts passing the stream on. It goes on until its end, whoever still listens.
    pub(crate) fn start(self, pipeline: &Arc<Pipeline>, cuts: Cuts) -> StreamHead {
        let (sender, parts) = mpsc::channel(QUEUE);
        let (status, headers, retries) = (self.status, self.headers.clone(), self.retries);
        let (pipeline, tally) = (Arc::clone(pipeline), Arc::clone(&self.question.tally));
        tokio::spawn(async move {
            let stalled = cuts.stalled;
            let outcome = AssertUnwindSafe(self.pass_on(&pipeline, &cuts, &sender)).catch_unwind();
            let outcome = Box::pin(outcome).await.unwrap_or_else(|_| {
                pipeline.metrics.panics.recovered(Component::Stream);
                Err(Refusal::Unsigned)
            });
            match outcome {
                Ok(None) => {}
                Ok(Some(recorded)) => {
                    let last = Part::Last(framed(&recorded.response));
                    // The caller may have left, and the relay is recorded all the same.
                    let _ = tokio::time::timeout(stalled, sender.send(last)).await;
                }
                Err(refusal) => drop(pipeline.refused(&tally, refusal)),
            }
        });
        StreamHead { status, headers, retries, parts }
    }

    /// Gives the last message, unless the caller left or lags behind: then its stream breaks off.
    async fn pass_on(
        self,
        pipeline: &Pipeline,
        cuts: &Cuts,
        sender: &mpsc::Sender<Part>,
    ) -> Result<Option<Recorded>, Refusal> {
        let Self { question, session, ticket, status, body, attempt, .. } = self;
        let hash = Sha256::new();
        let mut passing =
            Passing { question: &question, status, sender, pipeline, hash, sent: 0, waiting: Bytes::new() };
        let mut batch = Batch::default();
        let cut = async {
            tokio::select! {
                () = tokio::time::sleep_until(question.deadline) => End::Timeout,
                _ = pipeline.feed.reached(Height(question.admitted_until.0 + 1)) => End::SessionOver,
                () = cuts.stop.cancelled() => End::Stopping,
                () = sender.closed() => End::CallerGone,
            }
        };
        let end = tokio::select! {
            end = passing.all(body, &mut batch, cuts.stalled) => end,
            end = cut => end,
        };
        tracing::debug!(service = %question.service.label, ?end, bytes = passing.sent, "a stream ends");
        match end {
            End::Finished => attempt.succeeded(),
            End::Broken => attempt.failed(BackendFault::Connection),
            End::Timeout => attempt.failed(BackendFault::Timeout),
            End::SessionOver | End::Stopping | End::CallerGone | End::Unsigned => {}
        }
        // Whoever left gets nothing more, so what they did not get is not part of what they pay for.
        let last: Bytes = match end {
            End::CallerGone => Bytes::new(),
            _ => [passing.waiting, batch.rest()].concat().into(),
        };
        let (hash, sent) = (passing.hash.chain_update(&last).finalize().into(), passing.sent + last.len());
        pipeline.metrics.stream.ended(&question.service.label, last.len());
        let (tally, ended) = (Arc::clone(&question.tally), Instant::now());
        tally.response_bytes(sent);
        let recorded = Streamed { question, session, ticket, status, last, hash }.sign()?.record(pipeline).await?;
        tally.after_backend(ended.elapsed());
        Ok((end != End::CallerGone).then_some(recorded))
    }
}

/// A stream on its way.
struct Passing<'a> {
    question: &'a Question,
    status: StatusCode,
    sender: &'a mpsc::Sender<Part>,
    pipeline: &'a Pipeline,
    /// Over everything that was handed over.
    hash: Sha256,
    sent: usize,
    /// A batch for which the caller has no place yet.
    waiting: Bytes,
}

impl Passing<'_> {
    /// Passes everything on until the node ends it. What is in `batch` then has not left.
    async fn all(&mut self, mut body: Incoming, batch: &mut Batch, stalled: Duration) -> End {
        loop {
            let due = batch.due();
            let frame = tokio::select! {
                frame = body.frame() => frame,
                () = at(due) => {
                    let lines = batch.lines();
                    if let Err(end) = self.hand_over(lines, stalled).await {
                        return end;
                    }
                    continue;
                }
            };
            let bytes = match frame {
                None => return End::Finished,
                Some(Err(_)) => return End::Broken,
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            };
            batch.add(&bytes);
            while let Some(full) = batch.full(Instant::now()) {
                if let Err(end) = self.hand_over(full, stalled).await {
                    return end;
                }
            }
        }
    }

    /// Signs a batch and gives it to the caller, who has a while to take it.
    async fn hand_over(&mut self, batch: Bytes, stalled: Duration) -> Result<(), End> {
        self.waiting = batch;
        let Ok(Ok(place)) = tokio::time::timeout(stalled, self.sender.reserve()).await else {
            return Err(End::CallerGone);
        };
        let batch = std::mem::take(&mut self.waiting);
        let payload = envelope::encode_response(self.status, &HeaderMap::new(), batch.clone());
        let signed = sign_response(&self.question.identity.session, payload, &self.question.key);
        let Ok(response) = signed else { return Err(End::Unsigned) };
        self.hash.update(&batch);
        self.sent += batch.len();
        place.send(Part::More(framed(&encode_response(&response))));
        self.pipeline.metrics.stream.signed(batch.len());
        Ok(())
    }
}

fn framed(response: &[u8]) -> Bytes {
    [response, STREAM_DELIMITER].concat().into()
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
