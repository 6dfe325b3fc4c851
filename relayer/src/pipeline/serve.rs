use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::answered::Outcome;
use super::streaming::{Cuts, StreamHead};
use super::verified::Verified;
use super::{Pipeline, Received};
use crate::metrics::Component;
use crate::refusal::Refusal;

/// What a transport that can stream has to frame.
#[derive(Debug)]
pub(crate) enum Served {
    /// The encoded signed response, which took so many retries.
    Whole(Bytes, u8),
    /// Signed responses that come bit by bit.
    Stream(StreamHead),
}

impl Pipeline {
    /// Takes a relay through all steps, for a transport that can pass a stream on.
    ///
    /// From the backend on the work goes on when the caller leaves: what a node has answered is signed and recorded.
    pub(crate) async fn serve_or_stream(self: &Arc<Self>, received: Received, cuts: Cuts) -> Result<Served, Refusal> {
        let (tally, verified) = self.verify(received).await?;
        let pipeline = Arc::clone(self);
        let rest = tokio::spawn(async move { Box::pin(pipeline.finish(verified, cuts)).await });
        let served = rest.await.unwrap_or_else(|_| {
            // It panics only if we do, and then nobody has an answer.
            self.metrics.panics.recovered(Component::Pipeline);
            Err(Refusal::Unsigned)
        });
        served.map_err(|refusal| self.refused(&tally, refusal))
    }

    async fn finish(self: Arc<Self>, verified: Verified, cuts: Cuts) -> Result<Served, Refusal> {
        match Box::pin(verified.answer(&self)).await? {
            Outcome::Whole(answered, retries) => {
                let (tally, answered_at) = (Arc::clone(answered.tally()), Instant::now());
                let recorded = answered.sign()?.record(&self).await?;
                tally.after_backend(answered_at.elapsed());
                Ok(Served::Whole(recorded.response, retries))
            }
            Outcome::Stream(streaming) => Ok(Served::Stream(streaming.start(&self, cuts))),
        }
    }
}
