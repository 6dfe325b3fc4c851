use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use http::Request;
use http_body_util::BodyExt;
use hyper::body::Body;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::Around;
use super::downward::{Break, Caller, Downward};
use super::upward::{Piece, Upward, body};
use crate::listener::Listener;
use crate::listener::body::BodyError;
use crate::pipeline::{Channel, Exchange, Place, Received, Stray};
use crate::refusal::Refusal;

/// Longer than any session: what bounds a stream is told by [`Listener::ending`], and by what the node owes.
const WHOLE_STREAM: Duration = Duration::from_hours(24 * 30);
/// How long a node that does not read may hold up that a call to it is broken off.
const BREAKING_OFF: Duration = Duration::from_secs(1);
/// How long a caller that does not read may hold up the last word to it.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Notes when a body breaks off instead of ending: what reads it does not tell the difference.
pub(super) fn watched<B>(
    request: Request<B>,
) -> (Request<impl Body<Data = Bytes, Error = BodyError> + Send>, Arc<AtomicBool>)
where
    B: Body<Data = Bytes, Error: Into<BodyError> + Send> + Send + 'static,
{
    let broken = Arc::new(AtomicBool::new(false));
    let note = Arc::clone(&broken);
    let request = request.map(|body| {
        body.map_err(move |error| {
            note.store(true, Ordering::Relaxed);
            error.into()
        })
    });
    (request, broken)
}

/// What a stream begins with.
struct Opening {
    requests: Streaming<Bytes>,
    around: Around,
    broken: Arc<AtomicBool>,
    place: Place,
    answers: mpsc::Sender<Result<Bytes, Status>>,
}

impl Listener {
    /// Opens a stream of relays. It goes on by itself: what the node has answered is recorded, also when the caller leaves.
    pub(super) fn stream_relays(
        self: Arc<Self>,
        requests: Streaming<Bytes>,
        around: Around,
        broken: Arc<AtomicBool>,
    ) -> Result<impl Stream<Item = Result<Bytes, Status>> + Send + 'static, Status> {
        let place = self.place_for_stream().map_err(|refusal| self.refused_early(&refusal))?;
        let (answers, leaving) = mpsc::channel(1);
        let listener = Arc::clone(&self);
        self.tasks.spawn(async move {
            let last_word = answers.clone();
            let opening = Opening { requests, around, broken, place, answers };
            if let Err(status) = Box::pin(listener.stream(opening)).await {
                // A caller that is gone, or does not read, does not want to know.
                let _ = last_word.send_timeout(Err(status), LAST_WORD).await;
            }
        });
        Ok(stream::unfold(leaving, |mut leaving| async { Some((leaving.recv().await?, leaving)) }))
    }

    /// Streams last, so they are given only half of the places: single relays always find some.
    fn place_for_stream(&self) -> Result<Place, Refusal> {
        if self.in_flight.available_permits() * 2 <= self.limits.in_flight {
            return Err(Refusal::Overloaded);
        }
        self.place()
    }

    async fn stream(self: Arc<Self>, opening: Opening) -> Result<(), Status> {
        let Opening { mut requests, around, broken, place, answers } = opening;
        let (first, at) = self.first(&mut requests).await?;
        let label = self.label(&first);
        if around.web {
            self.pipeline.metrics.grpc.web_request(&label);
        }
        let refuse = |refusal: Refusal| self.grpc_refusal(&refusal, &first);
        let received = Received {
            channel: Channel::Grpc,
            body: first.clone(),
            headers: around.headers.clone(),
            arrival: self.pipeline.feed.height(),
            at,
            place: self.place().map_err(|refusal| self.refused_early(&refusal))?,
        };
        let (tally, verified) = self.pipeline.verify(received).await.map_err(refuse)?;
        let (exchange, mut head) = Exchange::begin(verified).map_err(|stray| self.stray(&label, stray))?;
        let exchange = Arc::new(exchange);
        let (pieces, body, unread) = body();
        // There is room for one.
        let _ = pieces.send(Piece::Bytes(std::mem::take(&mut head.body))).await;
        let mut upward = JoinSet::new();
        let (listener, requested) = (Arc::clone(&self), Arc::clone(&exchange));
        upward.spawn(Upward { listener, requests, around, broken, exchange: requested, pieces }.run());
        let ending = pin!(self.ending(&exchange));
        let mut downward = Downward {
            pipeline: &self.pipeline,
            exchange: &exchange,
            label: &label,
            answers,
            upward,
            ending,
            caller: Caller::default(),
        };
        let mut opening = pin!(exchange.open(head, body, at + WHOLE_STREAM, &self.pipeline));
        let passed = match downward.wait(opening.as_mut()).await {
            Ok(Ok(answer)) => downward.pass_on(answer).await,
            Ok(Err(refusal)) => Err(Break::Refused(refusal)),
            Err(broken) => {
                // The node has to see that the call is broken before nobody waits for its answer any more: some servers take
                // that alone for the end of the body.
                downward.break_off();
                let _ = tokio::time::timeout(BREAKING_OFF, unread).await;
                Err(broken)
            }
        };
        drop(place);
        passed.or_else(|broken| match broken {
            Break::Gone => Ok(()),
            Break::Cut(status) => Err(status),
            Break::Node(fault) => Err(refuse(self.pipeline.refused(&tally, Refusal::Backend(fault)))),
            Break::Refused(refusal) => Err(refuse(self.pipeline.refused(&tally, refusal))),
        })
    }

    /// What is asked cannot be streamed, or not in this stream.
    pub(super) fn stray(&self, label: &Arc<str>, stray: Stray) -> Status {
        self.pipeline.metrics.grpc.error(label, "stray_request");
        Status::invalid_argument(stray.to_string())
    }

    /// The first request, for which a caller has as long as for the body of any.
    async fn first(&self, requests: &mut Streaming<Bytes>) -> Result<(Bytes, Instant), Status> {
        match tokio::time::timeout(self.limits.receive_timeout.0, requests.message()).await {
            Ok(Ok(Some(first))) => Ok((first, Instant::now())),
            Ok(Err(status)) => Err(self.unreadable(&status)),
            Ok(Ok(None)) | Err(_) => Err(self.refused_early(&Refusal::Unreadable)),
        }
    }
}
