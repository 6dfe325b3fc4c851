//! From the log into the tries.

use relay_core::units::SessionId;
use tracing::{debug, warn};

use super::{Owner, OwnerError};
use crate::record::SessionRecord;
use crate::session::Session;

/// Entries that one read asks for. At 1 KiB a relay about a megabyte.
const READ: usize = 1_000;

impl Owner {
    /// Learns of new sessions and of new entries.
    pub(super) async fn discover(&mut self) -> Result<(), OwnerError> {
        let polled = self.around.store.poll(std::slice::from_ref(&self.supplier)).await?;
        for summary in polled.into_iter().flat_map(|heads| heads.sessions) {
            let id = summary.header.id.clone();
            let session = self.sessions.entry(id).or_insert_with(|| Session::new(SessionRecord::new(summary.header)));
            session.appended = summary.appended;
        }
        Ok(())
    }

    /// Reads every log that has grown to its end.
    pub(super) async fn read_logs(&mut self) -> Result<(), OwnerError> {
        let behind: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| session.record.ending.is_none() && session.appended > session.tally().entries)
            .map(|(id, _)| id.clone())
            .collect();
        for id in behind {
            self.read_log(&id).await?;
        }
        Ok(())
    }

    /// Reads one log to its end.
    pub(super) async fn read_log(&mut self, id: &SessionId) -> Result<(), OwnerError> {
        let around = self.around.clone();
        let Some(session) = self.sessions.get_mut(id) else { return Ok(()) };
        // Without the session's price nothing can be weighed; the relays stay safe in the log until the chain answers.
        session.price(&around.chain, &self.supplier, around.largest_relay).await?;
        loop {
            let entries = around.store.read_log(&self.supplier, id, session.cursor(), READ).await?;
            let last = entries.len() < READ;
            let taken = match session.take(&entries) {
                Ok(taken) => taken,
                Err(error) => {
                    warn!(supplier = %self.supplier, session = %id, %error, "a relay could not be counted");
                    return Ok(());
                }
            };
            for refusal in &taken.refused {
                debug!(supplier = %self.supplier, session = %id, %refusal, "an entry of the log is not claimed");
            }
            around.metrics.intake.taken(&session.record.header.service, &taken);
            if last {
                return Ok(());
            }
        }
    }
}
