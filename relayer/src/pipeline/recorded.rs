use bytes::Bytes;
use tokio::time::Instant;

use super::Pipeline;
use super::signed::Signed;
use crate::books::Column;
use crate::recording::Recorded as Outcome;
use crate::refusal::Refusal;

/// A relay whose answer may leave.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// The encoded signed response.
    pub(super) response: Bytes,
}

impl Signed {
    pub(super) async fn record(self, pipeline: &Pipeline) -> Result<Recorded, Refusal> {
        let admitted = self.verified.admitted;
        let (identified, label) = (admitted.identified, admitted.service.label.clone());
        if self.verified.session.target.admits(&self.mined.hash) {
            let (supplier, session) = (identified.identity.supplier, identified.identity.session);
            let waited_from = Instant::now();
            let recording =
                pipeline.publisher.record(admitted.room, &supplier, session, self.mined.bytes, identified.arrival);
            let outcome = recording.await;
            pipeline.metrics.record_wait(&label, waited_from.elapsed());
            if outcome == Outcome::Withheld {
                return Err(Refusal::Unrecordable);
            }
        } else {
            // The chain would not count it, so the log does not need it.
            pipeline.books.add(Column::BelowDifficulty);
            pipeline.metrics.below_difficulty(&label);
        }
        self.verified.claim.keep();
        pipeline.books.add(Column::Answered);
        pipeline.metrics.served(&label, self.status.as_u16(), identified.at.elapsed());
        Ok(Recorded { response: self.response })
    }
}
