//! A simulated relay whose node answers bit by bit: framed and signed as every stream, and no relay when it ends.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;
use relay_core::relay::{STREAM_DELIMITER, envelope};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::batch::Batch;
use super::simulated::Simulated;
use super::{Cuts, Part, Pipeline, Place, StreamHead};
use crate::backend::StreamedAnswer;
use crate::refusal::{BackendFault, Refusal};

/// Messages on their way to the caller.
const QUEUE: usize = 2;

/// Why no more comes of the node.
enum End {
    /// It has said everything, or whoever listened has gone.
    Over,
    /// It broke off, or took too long.
    Fault(BackendFault),
    /// A batch could not be signed, which was counted.
    Unsigned,
}

impl Simulated {
    /// Starts passing the stream on.
    pub(super) fn pass_on(
        self,
        pipeline: &Arc<Pipeline>,
        answer: StreamedAnswer,
        deadline: Instant,
        cuts: Cuts,
        place: Place,
    ) -> StreamHead {
        let (sender, parts) = mpsc::channel(QUEUE);
        let (status, headers, retries) = (answer.status, answer.headers.clone(), answer.retries);
        let pipeline = Arc::clone(pipeline);
        tokio::spawn(async move {
            let mut batch = Batch::default();
            let cut = async {
                tokio::select! {
                    () = sleep_until(deadline) => End::Fault(BackendFault::Timeout),
                    () = cuts.stop.cancelled() => End::Over,
                    () = sender.closed() => End::Over,
                }
            };
            let end = tokio::select! {
                end = self.batches(&pipeline, answer, &mut batch, &sender, &cuts) => end,
                end = cut => end,
            };
            if matches!(end, End::Unsigned) {
                return;
            }
            // The last message says that the stream is whole, so it leaves however the node ended.
            let Ok(last) = self.signed(&pipeline, status, batch.rest()) else { return };
            let _ = timeout(cuts.stalled, sender.send(Part::Last(last))).await;
            match end {
                End::Fault(fault) => drop(pipeline.failed_simulated(&self, Refusal::Backend(fault))),
                End::Over | End::Unsigned => pipeline.finish_simulated(self),
            }
            drop(place);
        });
        StreamHead { status, headers, retries, parts }
    }

    async fn batches(
        &self,
        pipeline: &Pipeline,
        mut answer: StreamedAnswer,
        batch: &mut Batch,
        sender: &mpsc::Sender<Part>,
        cuts: &Cuts,
    ) -> End {
        loop {
            let due = batch.due();
            let lone = async {
                match due {
                    Some(due) => sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let frame = tokio::select! {
                frame = answer.body.frame() => Some(frame),
                () = lone => None,
            };
            let mut full = match frame {
                Some(None) => return End::Over,
                Some(Some(Err(_))) => return End::Fault(BackendFault::Connection),
                Some(Some(Ok(frame))) => {
                    batch.add(&frame.into_data().unwrap_or_default());
                    batch.full(Instant::now())
                }
                None => Some(batch.lines()),
            };
            while let Some(bytes) = full {
                let Ok(part) = self.signed(pipeline, answer.status, bytes) else { return End::Unsigned };
                if !matches!(timeout(cuts.stalled, sender.send(Part::More(part))).await, Ok(Ok(()))) {
                    return End::Over;
                }
                full = batch.full(Instant::now());
            }
        }
    }

    fn signed(&self, pipeline: &Pipeline, status: StatusCode, bytes: Bytes) -> Result<Bytes, Refusal> {
        let payload = envelope::encode_response(status, &HeaderMap::new(), bytes);
        let response = pipeline.sign_simulated(self, payload)?;
        Ok([&response, STREAM_DELIMITER].concat().into())
    }
}
