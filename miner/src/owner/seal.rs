//! Freezing a session's root, in steps of which each is durable before the next: close, barrier, check, seal, barrier.

use relay_core::chain::Block;
use relay_core::smst::Root;
use relay_core::store::{Seal, Sealed};
use relay_core::units::SessionId;
use tracing::{error, info, warn};

use super::{Owner, OwnerError};
use crate::lifecycle::Action;

impl Owner {
    /// Cuts appends off where it is time, waits until everything so far is durable, and reads what is left.
    pub(super) async fn close_sessions(&mut self, block: &Block) -> Result<(), OwnerError> {
        let due = self.due(block, |action| (action == Action::Close).then_some(()));
        for (id, ()) in &due {
            let outcome = self.close(id, block).await;
            self.go_on("closing a session", outcome)?;
        }
        let undrained = self
            .ids(|session| session.record.closed_at.is_some() && session.record.ending.is_none() && !session.drained);
        if undrained.is_empty() {
            return Ok(());
        }
        // One barrier covers all that were closed before it, once.
        if self.sessions.values().any(|session| session.record.closed_at.is_some() && !session.close_confirmed) {
            self.around.store.barrier().await?;
            self.must_be_same_redis().await?;
            for session in self.sessions.values_mut() {
                session.close_confirmed = session.record.closed_at.is_some();
            }
        }
        for id in self.read(undrained).await {
            let outcome = self.drained(&id).await;
            self.go_on("reading a closed log to its end", outcome)?;
        }
        Ok(())
    }

    async fn close(&mut self, id: &SessionId, block: &Block) -> Result<(), OwnerError> {
        self.around.store.close(&self.fence, &self.supplier, id).await?;
        let Some(session) = self.sessions.get_mut(id) else { return Ok(()) };
        session.record.closed_at = Some(block.height);
        session.closed_since = Some(self.around.clock.monotonic());
        let written = self.write_record(id).await;
        if let (Err(_), Some(session)) = (&written, self.sessions.get_mut(id)) {
            // Without the note in its record a successor would not know; closing again does no harm.
            session.record.closed_at = None;
        }
        written
    }

    /// A closed log was read to its end: the seal of an earlier owner is adopted.
    async fn drained(&mut self, id: &SessionId) -> Result<(), OwnerError> {
        let length = self.around.store.log_length(&self.supplier, id).await?;
        let seal = self.around.store.read_seal(&self.supplier, id).await?;
        let Some(session) = self.sessions.get_mut(id) else { return Ok(()) };
        session.appended = length;
        session.seal = seal.map(|seal| Root(seal.root));
        session.drained = session.is_priced() && session.tally().entries == length;
        if !session.drained {
            warn!(supplier = %self.supplier, session = %id, length, read = session.tally().entries, "the log and what was read of it differ");
        }
        Ok(())
    }

    /// Freezes roots. Nothing is broadcast for a session before its seal is durable.
    pub(super) async fn seal_sessions(&mut self, block: &Block) -> Result<(), OwnerError> {
        let due = self.due(block, |action| (action == Action::Seal).then_some(()));
        for (id, ()) in due {
            let outcome = self.seal(&id).await;
            self.go_on("sealing a session", outcome)?;
        }
        let unconfirmed = |session: &crate::session::Session| session.seal.is_some() && !session.seal_confirmed;
        if !self.sessions.values().any(unconfirmed) {
            return Ok(());
        }
        self.around.store.barrier().await?;
        self.must_be_same_redis().await?;
        let now = self.around.clock.monotonic();
        for session in self.sessions.values_mut().filter(|session| session.seal.is_some()) {
            session.seal_confirmed = true;
            if let Some(closed) = session.closed_since.take() {
                self.around.metrics.submission.sealed(now.saturating_sub(closed));
            }
        }
        Ok(())
    }

    async fn seal(&mut self, id: &SessionId) -> Result<(), OwnerError> {
        let incarnation = self.incarnation.clone();
        let Some(session) = self.sessions.get_mut(id) else { return Ok(()) };
        let (Some(last), Some(trie)) = (session.cursor(), session.trie()) else { return Ok(()) };
        let root = trie.root();
        let (count, sum) = (trie.count(), trie.sum());
        let seal = Seal { last, count, sum, root: *root.as_bytes(), incarnation };
        let sealed = self.around.store.seal(&self.fence, &self.supplier, id, &seal).await?;
        session.seal = Some(match sealed {
            Sealed::Created => {
                info!(supplier = %self.supplier, session = %id, relays = count, compute_units = sum, "sealed");
                root
            }
            Sealed::Existing(seal) => {
                if seal.root != *root.as_bytes() {
                    error!(supplier = %self.supplier, session = %id, "the log does not give the sealed root; nothing is proven from it");
                }
                Root(seal.root)
            }
        });
        Ok(())
    }
}
