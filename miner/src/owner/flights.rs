//! Transactions under way: stored before they are first sent, sent again unchanged until they are in a block or their time is over.

use std::time::Duration;

use prost_types::Any;
use relay_core::chain::tx::{SignedTx, TxHash, timeout_for};
use relay_core::chain::{Block, Cause, Verdict};
use relay_core::units::{Height, SessionId};
use tracing::{info, warn};

use super::{Owner, OwnerError};
use crate::record::{Attempts, Flight, SessionRecord};
use crate::submission::{Batch, Prepared, WalletError, prepare};

/// Which message a transaction carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Claims.
    Claim,
    /// Proofs.
    Proof,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::Proof => "proof",
        }
    }

    pub(super) fn attempts(self, record: &mut SessionRecord) -> &mut Attempts {
        match self {
            Self::Claim => &mut record.claim,
            Self::Proof => &mut record.proof,
        }
    }
}

/// What is left of the lease when a broadcast begins: as long as a node may take to answer.
const BROADCAST_TAKES: Duration = Duration::from_secs(1);

impl Owner {
    /// Signs, stores and sends messages that share one deadline.
    pub(super) async fn launch(
        &mut self,
        kind: Kind,
        messages: Vec<(SessionId, Any)>,
        close: Height,
        block: &Block,
    ) -> Result<(), OwnerError> {
        for chunk in messages.chunks(self.around.max_messages) {
            let blocks_left = u32::try_from(close - block.height).unwrap_or_default();
            let life = timeout_for(Some(self.around.feed.block_time().saturating_mul(blocks_left)));
            self.launch_one(kind, chunk.to_vec(), life, block).await?;
        }
        Ok(())
    }

    async fn launch_one(
        &mut self,
        kind: Kind,
        messages: Vec<(SessionId, Any)>,
        life: Duration,
        block: &Block,
    ) -> Result<(), OwnerError> {
        let (prepared, left) = match prepare(&mut self.wallet, Batch { messages: messages.clone(), life }, block.time)
            .await
        {
            // No message is to blame by name: each is tried alone, so that one cannot hold up the others.
            Err(WalletError::WouldFail(rejection)) if messages.len() > 1 => {
                warn!(supplier = %self.supplier, kind = kind.name(), %rejection, "a batch would fail; its messages are sent one by one");
                for message in messages {
                    Box::pin(self.launch_one(kind, vec![message], life, block)).await?;
                }
                return Ok(());
            }
            other => other?,
        };
        for poisoned in left {
            warn!(supplier = %self.supplier, session = %poisoned.session, kind = kind.name(), rejection = %poisoned.rejection, "the chain would refuse a message");
            self.around.metrics.submission.refused(kind.name());
            self.note_error(kind, &poisoned.session, poisoned.rejection.to_string()).await?;
        }
        match prepared {
            Some(prepared) => self.send_first(kind, prepared, block).await,
            None => Ok(()),
        }
    }

    async fn send_first(&mut self, kind: Kind, prepared: Prepared, block: &Block) -> Result<(), OwnerError> {
        let Prepared { transaction, expires, sessions } = prepared;
        self.around
            .store
            .put_tx(&self.fence, &self.supplier, &transaction.hash.to_string(), &transaction.bytes, &sessions)
            .await?;
        for id in &sessions {
            if let Some(session) = self.sessions.get_mut(id) {
                let attempts = kind.attempts(&mut session.record);
                attempts.flight =
                    Some(Flight { tx_hash: transaction.hash, expires, broadcast_at: block.height, spent_at: None });
                attempts.transactions += 1;
                attempts.first_sent_at.get_or_insert(block.height);
            }
            self.write_record(id).await?;
        }
        info!(supplier = %self.supplier, kind = kind.name(), sessions = sessions.len(), hash = %transaction.hash, height = %block.height, "sending");
        self.around.metrics.submission.sent(kind.name(), sessions.len());
        self.broadcast(kind, &transaction, &sessions, block).await
    }

    /// Sends stored bytes once more.
    pub(super) async fn send_again(
        &mut self,
        kind: Kind,
        sessions: &[SessionId],
        block: &Block,
    ) -> Result<(), OwnerError> {
        let mut by_hash: std::collections::BTreeMap<TxHash, Vec<SessionId>> = std::collections::BTreeMap::new();
        for id in sessions {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if let Some(flight) = &mut kind.attempts(&mut session.record).flight {
                flight.broadcast_at = block.height;
                by_hash.entry(flight.tx_hash).or_default().push(id.clone());
            }
        }
        for (hash, sessions) in by_hash {
            let Some(bytes) = self.around.store.tx(&self.supplier, &hash.to_string()).await? else {
                // Redis lost them together with its tail. The root is the same, so new bytes say the same.
                warn!(supplier = %self.supplier, %hash, "the bytes of a transaction are gone; it is built anew");
                self.land(kind, &sessions);
                continue;
            };
            self.broadcast(kind, &SignedTx::from_bytes(bytes), &sessions, block).await?;
        }
        Ok(())
    }

    async fn broadcast(
        &mut self,
        kind: Kind,
        transaction: &SignedTx,
        sessions: &[SessionId],
        block: &Block,
    ) -> Result<(), OwnerError> {
        if !self.tenure.lasts(BROADCAST_TAKES) {
            return Err(OwnerError::TenureOver);
        }
        match self.around.chain.broadcast(transaction).await {
            Ok(Verdict::Accepted { .. }) => Ok(()),
            // In a block already: module state will show it, or show that it failed there.
            Ok(Verdict::Rejected(rejection)) if rejection.cause == Cause::TimestampUsed => {
                self.spend(kind, sessions, block.height);
                Ok(())
            }
            Ok(Verdict::Rejected(rejection)) => {
                warn!(supplier = %self.supplier, kind = kind.name(), %rejection, "a node refused a transaction");
                self.land(kind, sessions);
                for id in sessions {
                    self.note_error(kind, id, rejection.to_string()).await?;
                }
                Ok(())
            }
            // It may have arrived all the same. The same bytes go out again with the next block.
            Err(error) => {
                warn!(supplier = %self.supplier, kind = kind.name(), %error, "a broadcast was not answered");
                Ok(())
            }
        }
    }

    /// Notes that the transaction under way cannot get into another block.
    fn spend(&mut self, kind: Kind, sessions: &[SessionId], height: Height) {
        for id in sessions {
            if let Some(flight) =
                self.sessions.get_mut(id).and_then(|session| kind.attempts(&mut session.record).flight.as_mut())
            {
                flight.spent_at.get_or_insert(height);
            }
        }
    }

    /// Forgets the transaction under way, so that a new one is made.
    fn land(&mut self, kind: Kind, sessions: &[SessionId]) {
        for id in sessions {
            if let Some(session) = self.sessions.get_mut(id) {
                kind.attempts(&mut session.record).flight = None;
            }
        }
    }

    pub(super) async fn note_error(&mut self, kind: Kind, id: &SessionId, error: String) -> Result<(), OwnerError> {
        if let Some(session) = self.sessions.get_mut(id) {
            kind.attempts(&mut session.record).last_error = Some(error);
        }
        self.write_record(id).await
    }
}
