use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::admitted::Admitted;
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

/// How far a relay is when its node is asked.
enum Step {
    Verified(Box<Verified>),
    /// It is verified meanwhile.
    Admitted(Box<Admitted>),
}

impl Pipeline {
    /// Takes a relay through all steps, for a transport that can pass a stream on.
    ///
    /// From the backend on the work goes on when the caller leaves: what a node has answered is signed and recorded.
    pub(crate) async fn serve_or_stream(self: &Arc<Self>, received: Received, cuts: Cuts) -> Result<Served, Refusal> {
        let (tally, admitted) = self.admit(received).await?;
        let step = if admitted.is_optimistic() {
            Step::Admitted(Box::new(admitted))
        } else {
            let verified = admitted.verify(self).await.map_err(|refusal| self.refused(&tally, refusal))?;
            Step::Verified(Box::new(verified))
        };
        let pipeline = Arc::clone(self);
        let rest = tokio::spawn(async move { Box::pin(pipeline.finish(step, cuts)).await });
        let served = rest.await.unwrap_or_else(|_| {
            // It panics only if we do, and then nobody has an answer.
            self.metrics.panics.recovered(Component::Pipeline);
            Err(Refusal::Unsigned)
        });
        served.map_err(|refusal| self.refused(&tally, refusal))
    }

    async fn finish(self: Arc<Self>, step: Step, cuts: Cuts) -> Result<Served, Refusal> {
        let outcome = match step {
            Step::Verified(verified) => Box::pin(verified.answer(&self)).await?,
            Step::Admitted(admitted) => Box::pin(admitted.answer_beside(&self)).await?,
        };
        match outcome {
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
