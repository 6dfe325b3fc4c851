//! The end of a session.

use relay_core::chain::Block;
use relay_core::units::SessionId;
use tracing::{info, warn};

use super::{Owner, OwnerError};
use crate::lifecycle::{Action, ClaimView};
use crate::record::{Ending, Outcome, SessionRecord};
use crate::settlement;

impl Owner {
    /// Reads what settlement made of sessions, notes it, and only then lets their logs go.
    pub(super) async fn finish_sessions(&mut self, block: &Block) -> Result<(), OwnerError> {
        for (id, ()) in self.due(block, |action| (action == Action::ReadSettlement).then_some(())) {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let (Some(windows), ClaimView::Absent { at }) = (session.windows, session.claim) else { continue };
            let header = &session.record.header;
            match settlement::read(&self.around.chain, &self.supplier, header, windows.settlement, at).await {
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
        let header = session.record.header.clone();
        // The session ends here only once that is durable; until then it is decided again.
        let record = SessionRecord { ending: Some(ending.clone()), ..session.record.clone() };
        self.around.store.put_record(&self.fence, &self.supplier, id, &record).await?;
        self.around.store.finish(&self.fence, &self.supplier, id).await?;
        self.sessions.remove(id);
        info!(supplier = %self.supplier, session = %id, outcome = ending.outcome.name(), relays = ending.tally.leaves, height = %block.height, "session ended");
        self.around.metrics.sessions.ended(&header.service, &ending);
        self.status.note_ending(&header, &ending);
        Ok(())
    }
}
