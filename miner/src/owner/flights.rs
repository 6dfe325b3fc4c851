//! Transactions under way: stored before they are first sent, sent again unchanged until they are in a block or their time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use prost_types::Any;
use relay_core::chain::tx::{SignedTx, TxHash, timeout_for};
use relay_core::chain::{Block, Cause, Verdict};
use relay_core::units::{Height, SessionId};
use tracing::{info, warn};

use super::{Owner, OwnerError};
use crate::lifecycle::Send;
use crate::record::{Attempts, SessionRecord};
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

/// A message that is to go out in a new transaction.
#[derive(Debug, Clone)]
pub(super) struct Letter {
    /// Its session.
    pub(super) session: SessionId,
    /// The message.
    pub(super) message: Any,
    /// First block that may hold it.
    pub(super) open: Height,
    /// Last block that may hold it.
    pub(super) close: Height,
    /// It must not share a transaction with others.
    pub(super) alone: bool,
}

/// Letters that share a transaction: those of one deadline, at most so many; and each that must be alone.
fn grouped(letters: Vec<Letter>, most: usize) -> Vec<Vec<Letter>> {
    let mut groups = Vec::new();
    let mut together: BTreeMap<Height, Vec<Letter>> = BTreeMap::new();
    for letter in letters {
        if letter.alone {
            groups.push(vec![letter]);
        } else {
            together.entry(letter.close).or_default().push(letter);
        }
    }
    groups.extend(
        together.into_values().flat_map(|group| group.chunks(most).map(<[Letter]>::to_vec).collect::<Vec<_>>()),
    );
    groups
}

impl Owner {
    /// Signs, stores and sends messages. Groups of different deadlines succeed and fail on their own.
    pub(super) async fn launch(&mut self, kind: Kind, letters: Vec<Letter>, block: &Block) -> Result<(), OwnerError> {
        for group in grouped(letters, self.around.max_messages) {
            let outcome = self.launch_one(kind, group, block).await;
            self.go_on("sending a new transaction", outcome)?;
        }
        Ok(())
    }

    async fn launch_one(&mut self, kind: Kind, mut letters: Vec<Letter>, block: &Block) -> Result<(), OwnerError> {
        let Some(close) = letters.iter().map(|letter| letter.close).min() else { return Ok(()) };
        if letters.iter().any(|letter| block.height < letter.open) {
            // The node's newest block is before the window, and so would be the simulation's.
            return Ok(());
        }
        let blocks_left = u32::try_from(close - block.height).unwrap_or_default();
        let life = timeout_for(Some(self.around.feed.block_time().saturating_mul(blocks_left)));
        let messages = letters.iter().map(|letter| (letter.session.clone(), letter.message.clone())).collect();
        let (prepared, left) = match prepare(&mut self.wallet, Batch { messages, life }, block.time).await {
            // No message is to blame by name: halves are tried, down to the one that cannot be sent.
            Err(WalletError::WouldFail(rejection)) if letters.len() > 1 => {
                warn!(supplier = %self.supplier, kind = kind.name(), messages = letters.len(), %rejection, "a batch would fail; its halves are tried");
                let second = letters.split_off(letters.len() / 2);
                for half in [letters, second] {
                    let outcome = Box::pin(self.launch_one(kind, half, block)).await;
                    self.go_on("sending half of a batch", outcome)?;
                }
                return Ok(());
            }
            other => other?,
        };
        for poisoned in left {
            let session = &poisoned.session;
            let outcome = self.leave_out(kind, session, &poisoned.rejection, close, block).await;
            self.go_on("noting a refused message", outcome)?;
        }
        match prepared {
            Some(prepared) => self.send_first(kind, prepared, block).await,
            None => Ok(()),
        }
    }

    /// Notes that the chain would refuse a message now. It is tried again with the next block, alone: what is missing may come.
    async fn leave_out(
        &mut self,
        kind: Kind,
        id: &SessionId,
        rejection: &relay_core::chain::Rejection,
        close: Height,
        block: &Block,
    ) -> Result<(), OwnerError> {
        // Too early is not too late: heights tell which side of the window a refusal means. The node is behind the feed.
        let outside = matches!(rejection.cause, Cause::OutsideClaimWindow | Cause::OutsideProofWindow);
        if outside && block.height < close {
            info!(supplier = %self.supplier, session = %id, kind = kind.name(), height = %block.height, "a node has not seen the window open yet");
            return Ok(());
        }
        warn!(supplier = %self.supplier, session = %id, kind = kind.name(), %rejection, "the chain would refuse a message");
        self.around.metrics.submission.refused(kind.name());
        if let Some(session) = self.sessions.get_mut(id) {
            kind.attempts(&mut session.record).alone = true;
        }
        self.note_error(kind, id, rejection.to_string()).await
    }

    async fn send_first(&mut self, kind: Kind, prepared: Prepared, block: &Block) -> Result<(), OwnerError> {
        let Prepared { transaction, expires, sessions } = prepared;
        self.around
            .store
            .put_tx(&self.fence, &self.supplier, &transaction.hash.to_string(), &transaction.bytes, &sessions)
            .await?;
        for id in &sessions {
            if let Some(session) = self.sessions.get_mut(id) {
                kind.attempts(&mut session.record).launch(transaction.hash, expires, block.height);
            }
        }
        self.write_records(&sessions).await?;
        info!(supplier = %self.supplier, kind = kind.name(), sessions = sessions.len(), hash = %transaction.hash, height = %block.height, "sending");
        self.around.metrics.submission.sent(kind.name(), sessions.len());
        self.broadcast(kind, &transaction, &sessions, block).await
    }

    /// Sends the stored bytes of what is under way once more.
    pub(super) async fn send_again(
        &mut self,
        kind: Kind,
        due: &[(SessionId, Send)],
        block: &Block,
    ) -> Result<(), OwnerError> {
        let mut by_hash: BTreeMap<TxHash, Vec<SessionId>> = BTreeMap::new();
        for (id, _) in due.iter().filter(|(_, send)| *send == Send::Again) {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if let Some(flight) = &kind.attempts(&mut session.record).flight {
                by_hash.entry(flight.tx_hash).or_default().push(id.clone());
            }
        }
        for (hash, sessions) in by_hash {
            let outcome = self.repeat(kind, hash, &sessions, block).await;
            self.go_on("sending a transaction again", outcome)?;
        }
        Ok(())
    }

    async fn repeat(
        &mut self,
        kind: Kind,
        hash: TxHash,
        sessions: &[SessionId],
        block: &Block,
    ) -> Result<(), OwnerError> {
        let Some(bytes) = self.around.store.tx(&self.supplier, &hash.to_string()).await? else {
            // Redis lost them together with its tail. The root is the same, so new bytes say the same.
            warn!(supplier = %self.supplier, %hash, "the bytes of a transaction are gone; it is built anew");
            self.each(kind, sessions, |attempts| attempts.release(hash));
            return Ok(());
        };
        self.each(kind, sessions, |attempts| attempts.repeat(block.height));
        self.broadcast(kind, &SignedTx::from_bytes(bytes), sessions, block).await
    }

    /// The one place from which transactions leave.
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
        let hash = transaction.hash;
        match self.around.chain.broadcast(transaction).await {
            Ok(Verdict::Accepted { .. }) => Ok(()),
            // In a block already: module state will show it, or show that it failed there.
            Ok(Verdict::Rejected(rejection)) if rejection.cause == Cause::TimestampUsed => {
                self.each(kind, sessions, |attempts| attempts.spend(hash, block.height));
                Ok(())
            }
            Ok(Verdict::Rejected(rejection)) => {
                warn!(supplier = %self.supplier, kind = kind.name(), %rejection, "a node refused a transaction");
                self.each(kind, sessions, |attempts| {
                    attempts.release(hash);
                    attempts.last_error = Some(rejection.to_string());
                });
                self.write_records(sessions).await
            }
            // It may have arrived all the same. The same bytes go out again with the next block.
            Err(error) => {
                warn!(supplier = %self.supplier, kind = kind.name(), %error, "a broadcast was not answered");
                Ok(())
            }
        }
    }

    fn each(&mut self, kind: Kind, sessions: &[SessionId], mut change: impl FnMut(&mut Attempts)) {
        for id in sessions {
            if let Some(session) = self.sessions.get_mut(id) {
                change(kind.attempts(&mut session.record));
            }
        }
    }

    pub(super) async fn note_error(&mut self, kind: Kind, id: &SessionId, error: String) -> Result<(), OwnerError> {
        if let Some(session) = self.sessions.get_mut(id) {
            kind.attempts(&mut session.record).last_error = Some(error);
        }
        self.write_record(id).await
    }

    /// Writes the records of several sessions, all or none.
    pub(super) async fn write_records(&self, ids: &[SessionId]) -> Result<(), OwnerError> {
        let records: Vec<_> =
            ids.iter().filter_map(|id| self.sessions.get(id).map(|session| (id, &session.record))).collect();
        self.around.store.put_records(&self.fence, &self.supplier, &records).await?;
        Ok(())
    }
}
