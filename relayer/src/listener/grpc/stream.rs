use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tonic::{Status, Streaming};

use super::Around;
use super::downward::{Break, Caller, Downward};
use super::upward::{Piece, Upward, body};
use super::watched::Watch;
use crate::listener::Listener;
use crate::pipeline::{Channel, Exchange, Place, Received, Stray};
use crate::refusal::Refusal;

/// Longer than any session: what bounds a stream is told by [`Listener::ending`], and by what the node owes.
const WHOLE_STREAM: Duration = Duration::from_hours(24 * 30);
/// How long a node that does not read may hold up that a call to it is broken off.
const BREAKING_OFF: Duration = Duration::from_secs(1);
/// How long a caller that does not read may hold up the last word to it.
const LAST_WORD: Duration = Duration::from_secs(5);

/// What a stream begins with.
struct Opening {
    requests: Streaming<Bytes>,
    around: Around,
    watch: Arc<Watch>,
    place: Place,
    answers: mpsc::Sender<Result<Bytes, Status>>,
}

impl Listener {
    /// Opens a stream of relays. It goes on by itself: what the node has answered is recorded, also when the caller leaves.
    pub(super) fn stream_relays(
        self: Arc<Self>,
        requests: Streaming<Bytes>,
        around: Around,
        watch: Arc<Watch>,
    ) -> Result<impl Stream<Item = Result<Bytes, Status>> + Send + 'static, Status> {
        let place = self.place_for_stream().map_err(|refusal| self.refused_early(&refusal))?;
        let (answers, leaving) = mpsc::channel(1);
        let listener = Arc::clone(&self);
        self.tasks.spawn(async move {
            let last_word = answers.clone();
            let opening = Opening { requests, around, watch, place, answers };
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
        let Opening { mut requests, around, watch, place, answers } = opening;
        let first = self.first(&mut requests, &watch).await?;
        let at = Instant::now();
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
            place: self.place_for(&first, &watch)?,
        };
        let (tally, verified) = self.pipeline.verify(received).await.map_err(refuse)?;
        let (exchange, mut head) = Exchange::begin(verified).map_err(|stray| self.stray(&label, stray))?;
        let exchange = Arc::new(exchange);
        let (pieces, body, unread) = body();
        // There is room for one.
        let _ = pieces.send(Piece::Bytes(std::mem::take(&mut head.body))).await;
        let mut upward = JoinSet::new();
        let (listener, requested) = (Arc::clone(&self), Arc::clone(&exchange));
        upward.spawn(Upward { listener, requests, around, watch, exchange: requested, pieces }.run());
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
}
