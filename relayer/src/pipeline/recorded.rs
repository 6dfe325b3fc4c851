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
    pub(crate) response: Bytes,
    /// Whether the log has it, or will have it. It does not want those below the difficulty and those that come too late.
    pub(crate) published: bool,
}

impl Signed {
    pub(super) async fn record(self, pipeline: &Pipeline) -> Result<Recorded, Refusal> {
        let question = &self.question;
        let tally = &question.tally;
        let (published, shown) = if self.session.target.admits(&self.mined.hash) {
            let (supplier, session) = (&question.identity.supplier, question.identity.session.clone());
            let waited_from = Instant::now();
            let publisher = &pipeline.publisher;
            let outcome =
                publisher.record(self.ticket.room, supplier, session, self.mined.bytes, question.arrival).await;
            tally.record_wait(waited_from.elapsed());
            if outcome == Outcome::Withheld {
                return Err(Refusal::Unrecordable);
            }
            (outcome != Outcome::Late, outcome == Outcome::Appended)
        } else {
            // The chain would not count it, so the log does not need it.
            pipeline.books.add(Column::BelowDifficulty);
            tally.below_difficulty();
            (false, true)
        };
        self.ticket.charge.commit(shown);
        if let Some(claim) = self.ticket.claim {
            claim.keep();
        }
        pipeline.books.add(Column::Answered);
        tally.served(self.status, question.at.elapsed());
        Ok(Recorded { response: self.response, published })
    }
}
