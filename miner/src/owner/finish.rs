//! The end of a session.

use relay_core::chain::Block;
use relay_core::store::StoreError;
use relay_core::units::{SessionId, Upokt};
use tracing::{info, warn};

use super::{Owner, OwnerError};
use crate::lifecycle::{Action, ClaimView};
use crate::record::{Ending, Outcome, SessionRecord};
use crate::settlement::{self, Question};
use crate::submission::Kind;

impl Owner {
    /// Reads what settlement made of sessions, notes it, and only then lets their logs go.
    pub(super) async fn finish_sessions(&mut self, block: &Block) -> Result<(), OwnerError> {
        for (id, ()) in self.due(block, |action| (action == Action::ReadSettlement).then_some(())) {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let (Some(windows), ClaimView::Absent { at }) = (session.windows, session.claim) else { continue };
            let question = Question {
                supplier: &self.supplier,
                header: &session.record.header,
                settlement: windows.settlement,
                gone_at: at,
                was_seen: session.claim_was_seen || session.record.claim.included.is_some(),
                patience: self.around.settlement_patience,
            };
            match settlement::read(&self.around.chain, question).await {
                Ok(outcome) => session.outcome = Some(outcome),
                Err(error) => {
                    warn!(supplier = %self.supplier, session = %id, %error, "the settlement is unknown for now");
                }
            }
        }
        let due = self.due(block, |action| match action {
            Action::Finish(outcome) => Some(outcome),
            _ => None,
        });
        for (id, outcome) in due {
            let outcome = self.finish(&id, outcome, block).await;
            self.go_on("ending a session", outcome)?;
        }
        Ok(())
    }

    async fn finish(&mut self, id: &SessionId, outcome: Outcome, block: &Block) -> Result<(), OwnerError> {
        let Some(session) = self.sessions.get_mut(id) else { return Ok(()) };
        let ending = Ending { height: block.height, tally: session.tally(), outcome };
        let session_worth = session.worth.map(|worth| worth.reward);
        let header = session.record.header.clone();
        // The session ends here only once that is durable; until then it is decided again.
        let record = SessionRecord { ending: Some(ending.clone()), ..session.record.clone() };
        match self.end(id, &record).await {
            // It has ended: only the answer to that got lost.
            Err(StoreError::UnknownSession(_)) => {}
            ended => ended?,
        }
        let worth = match &ending.outcome {
            Outcome::Settled { claimed, .. } => *claimed,
            _ => session_worth.unwrap_or_default(),
        };
        self.sessions.remove(id);
        info!(supplier = %self.supplier, session = %id, outcome = ending.outcome.name(), relays = ending.tally.leaves, height = %block.height, "session ended");
        self.count_ending(&record, &ending, worth);
        self.status.note_ending(&header, &ending);
        Ok(())
    }

    async fn end(&self, id: &SessionId, record: &SessionRecord) -> Result<(), StoreError> {
        self.around.store.put_record(&self.fence, &self.supplier, id, record).await?;
        self.around.store.finish(&self.fence, &self.supplier, id).await.map(|_| ())
    }

    fn count_ending(&self, record: &SessionRecord, ending: &Ending, worth: Upokt) {
        let metrics = &self.around.metrics;
        let service = &record.header.service;
        metrics.sessions.ended(&self.supplier, record, ending, worth);
        let skipped = match ending.outcome {
            Outcome::Empty => Some("empty_tree"),
            Outcome::Unprofitable { .. } => Some("unprofitable"),
            _ => None,
        };
        if let Some(reason) = skipped {
            metrics.submission.skipped(Kind::Claim, &self.supplier, service, reason);
        }
        let claimed = match ending.outcome {
            Outcome::Settled { .. } | Outcome::Expired { .. } | Outcome::Discarded { .. } => true,
            Outcome::Unclaimed { .. } => false,
            Outcome::Empty | Outcome::Unprofitable { .. } | Outcome::Unknown { .. } => return,
        };
        metrics.submission.concluded(Kind::Claim, &self.supplier, service, claimed);
        if claimed && record.proof.transactions > 0 {
            let proven = matches!(ending.outcome, Outcome::Settled { .. });
            metrics.submission.concluded(Kind::Proof, &self.supplier, service, proven);
        }
    }
}
