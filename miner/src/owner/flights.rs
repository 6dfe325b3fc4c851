//! Transactions under way: stored before they are first sent, sent again unchanged until they are in a block or their time is over.

use std::collections::BTreeMap;
use std::time::Duration;

use prost_types::Any;
use relay_core::chain::tx::{SignedTx, TxHash, timeout_for};
use relay_core::chain::{Block, Cause, Rejection, Verdict};
use relay_core::units::{Height, SessionId};
use tracing::{info, warn};

use super::{Owner, OwnerError};
use crate::lifecycle::{LAST_CALL, Requirement, Send};
use crate::metrics::cause_name;
use crate::record::Attempts;
use crate::submission::{Batch, Kind, Left, Prepared, Reason, prepare};

/// What is left of the lease when a broadcast begins: as long as a node may take to answer.
const BROADCAST_TAKES: Duration = Duration::from_secs(1);

/// How often one group is tried at one block, each time wiser.
const ATTEMPTS: u8 = 3;

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
    /// A transaction that carried it failed.
    pub(super) failed_before: bool,
}

/// Letters that may share a transaction: those of one deadline. Each that must be alone is.
fn grouped(letters: Vec<Letter>) -> Vec<Vec<Letter>> {
    let mut groups = Vec::new();
    let mut together: BTreeMap<Height, Vec<Letter>> = BTreeMap::new();
    for letter in letters {
        if letter.alone {
            groups.push(vec![letter]);
        } else {
            together.entry(letter.close).or_default().push(letter);
        }
    }
    // The nearest deadline first; what failed before waits behind what did not.
    together.into_values().chain(groups).collect()
}

/// What a broadcast came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sent {
    /// Nothing more can be done now.
    Done,
    /// It was refused for a reason that has been learned from: another attempt now can go better.
    TryAgain,
}

impl Owner {
    /// Signs, stores and sends messages. Groups of different deadlines succeed and fail on their own.
    pub(super) async fn launch(&mut self, kind: Kind, letters: Vec<Letter>, block: &Block) -> Result<(), OwnerError> {
        for group in grouped(letters) {
            self.launch_group(kind, group, block, ATTEMPTS).await?;
        }
        Ok(())
    }

    async fn launch_group(
        &mut self,
        kind: Kind,
        letters: Vec<Letter>,
        block: &Block,
        attempts: u8,
    ) -> Result<(), OwnerError> {
        let Some(close) = letters.iter().map(|letter| letter.close).min() else { return Ok(()) };
        let around = self.around.clone();
        let limits = around.limits.at(&around.chain, block.height).await;
        let blocks_left = u32::try_from(close - block.height).unwrap_or_default();
        let life = timeout_for(Some(around.feed.block_time().saturating_mul(blocks_left)));
        let opens_next = letters.iter().any(|letter| block.height < letter.open);
        // In the last blocks another fee is worth the chance.
        let last_call = block.height >= close - LAST_CALL;
        let failed_before = !last_call && letters.iter().any(|letter| letter.failed_before);
        for chunk in letters.chunks(limits.messages) {
            let messages = chunk.iter().map(|letter| (letter.session.clone(), letter.message.clone())).collect();
            let batch = Batch { kind, messages, block_time: block.time, life, opens_next, failed_before };
            let (prepared, left) = prepare(&mut self.wallet, &limits, batch).await;
            for left in left {
                let outcome = self.leave_out(kind, left, block).await;
                self.go_on("noting a message that is left out", outcome)?;
            }
            for prepared in prepared {
                let sessions = prepared.sessions.clone();
                match self.send_first(kind, prepared, block).await {
                    Ok(Sent::TryAgain) if attempts > 1 => {
                        let again = chunk.iter().filter(|letter| sessions.contains(&letter.session)).cloned().collect();
                        Box::pin(self.launch_group(kind, again, block, attempts - 1)).await?;
                    }
                    Ok(Sent::Done | Sent::TryAgain) => {}
                    Err(error) => self.go_on("sending a new transaction", Err(error))?,
                }
            }
        }
        Ok(())
    }

    /// Notes why a message is in no transaction now. It is tried again with the next block, alone: what is missing may come.
    async fn leave_out(&mut self, kind: Kind, left: Left, block: &Block) -> Result<(), OwnerError> {
        let Left { session: id, reason } = left;
        // Too early is not too late: whether the window is open is known from heights, not from words.
        let outside = |cause| matches!(cause, Cause::OutsideClaimWindow | Cause::OutsideProofWindow);
        let rejection = match &reason {
            Reason::Refused(rejection) if !outside(rejection.cause) => Some(rejection),
            Reason::Refused(_) | Reason::Later(_) | Reason::TooLarge { .. } => None,
        };
        if rejection.is_none() && !matches!(reason, Reason::TooLarge { .. }) {
            info!(supplier = %self.supplier, session = %id, kind = kind.name(), height = %block.height, %reason, "a message waits for the next block");
            return Ok(());
        }
        // A proof that is not required is no failure: it is a verdict about this message, and may change.
        if rejection.is_some_and(|rejection| rejection.cause == Cause::ProofNotRequired) {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.requirement = Some((Requirement::NotRequired, block.height));
            }
            return Ok(());
        }
        warn!(supplier = %self.supplier, session = %id, kind = kind.name(), %reason, "a message cannot be sent");
        let word = rejection.map_or("too_large", |rejection| cause_name(rejection.cause));
        self.around.metrics.submission.failed(kind, &self.supplier, word);
        if let Some(session) = self.sessions.get_mut(&id) {
            let attempts = kind.attempts(&mut session.record);
            let text = reason.to_string();
            if attempts.alone && attempts.last_error.as_ref() == Some(&text) {
                return Ok(());
            }
            attempts.alone = true;
            attempts.last_error = Some(text);
        }
        self.write_record(&id).await
    }

    async fn send_first(&mut self, kind: Kind, prepared: Prepared, block: &Block) -> Result<Sent, OwnerError> {
        let Prepared { transaction, expires, gas, sessions } = prepared;
        self.around
            .store
            .put_tx(&self.fence, &self.supplier, &transaction.hash.to_string(), &transaction.bytes, &sessions)
            .await?;
        self.each(kind, &sessions, |attempts| attempts.launch(transaction.hash, expires, block.height));
        self.write_records(&sessions).await?;
        info!(supplier = %self.supplier, kind = kind.name(), sessions = sessions.len(), hash = %transaction.hash, gas, bytes = transaction.bytes.len(), height = %block.height, "sending");
        self.count_sent(kind, &sessions, block);
        self.broadcast(kind, &transaction, gas, &sessions, block).await
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
        self.broadcast(kind, &SignedTx::from_bytes(bytes), 0, sessions, block).await.map(|_| ())
    }

    /// The one place from which transactions leave.
    async fn broadcast(
        &mut self,
        kind: Kind,
        transaction: &SignedTx,
        gas: u64,
        sessions: &[SessionId],
        block: &Block,
    ) -> Result<Sent, OwnerError> {
        if !self.tenure.lasts(BROADCAST_TAKES) {
            return Err(OwnerError::TenureOver);
        }
        let hash = transaction.hash;
        let is_new = gas > 0;
        let began = self.around.clock.monotonic();
        let answer = self.around.chain.broadcast(transaction).await;
        let took = self.around.clock.monotonic().saturating_sub(began);
        let metrics = self.around.metrics.clone();
        let status = match &answer {
            Ok(Verdict::Accepted { already: false, .. }) => "accepted",
            Ok(Verdict::Accepted { already: true, .. }) => "already_known",
            Ok(Verdict::Rejected(rejection)) => cause_name(rejection.cause),
            Err(_) => "no_answer",
        };
        metrics.transactions.broadcast(&self.supplier, status, took);
        if !is_new {
            for id in sessions {
                let Some(session) = self.sessions.get(id) else { continue };
                metrics.submission.repeated(kind, &self.supplier, &session.record.header.service, status);
            }
        }
        match answer {
            Ok(Verdict::Accepted { .. }) => {
                if is_new {
                    metrics.transactions.accepted(kind, &self.supplier, sessions.len());
                }
                Ok(Sent::Done)
            }
            // In a block already: module state will show it, or show that it failed there.
            Ok(Verdict::Rejected(rejection)) if rejection.cause == Cause::TimestampUsed => {
                self.each(kind, sessions, |attempts| attempts.spend(hash, block.height));
                Ok(Sent::Done)
            }
            Ok(Verdict::Rejected(rejection)) => {
                warn!(supplier = %self.supplier, kind = kind.name(), %rejection, "a node refused a transaction");
                metrics.transactions.refused(kind, &self.supplier, cause_name(rejection.cause));
                metrics.submission.failed(kind, &self.supplier, cause_name(rejection.cause));
                self.each(kind, sessions, |attempts| {
                    attempts.release(hash);
                    attempts.last_error = Some(rejection.to_string());
                });
                self.write_records(sessions).await?;
                Ok(self.learn(kind, &rejection, transaction, gas))
            }
            // It may have arrived all the same. The same bytes go out again with the next block.
            Err(error) => {
                warn!(supplier = %self.supplier, kind = kind.name(), %error, "a broadcast was not answered");
                Ok(Sent::Done)
            }
        }
    }

    fn count_sent(&self, kind: Kind, sessions: &[SessionId], block: &Block) {
        for id in sessions {
            let Some(session) = self.sessions.get(id) else { continue };
            let Some(windows) = session.windows else { continue };
            let open = match kind {
                Kind::Claim => windows.claim_open,
                Kind::Proof => windows.proof_open,
            };
            let is_first = kind.history(&session.record).transactions == 1;
            let late = is_first.then_some(block.height + 1 - open);
            self.around.metrics.submission.sent(kind, &self.supplier, &session.record.header.service, late);
        }
    }

    /// What a refusal teaches about the next attempt.
    fn learn(&mut self, kind: Kind, rejection: &Rejection, transaction: &SignedTx, gas: u64) -> Sent {
        let learned = match rejection.cause {
            Cause::InsufficientFee => self.wallet.gas().price.learn(rejection, gas),
            Cause::TooLarge => self.around.limits.learn(rejection, transaction.bytes.len()),
            Cause::OutOfGas => {
                self.wallet.gas().book.raise(kind);
                true
            }
            Cause::Signature => {
                self.wallet.forget_account();
                true
            }
            Cause::TimestampTooFar | Cause::TimedOut => true,
            _ => false,
        };
        if learned { Sent::TryAgain } else { Sent::Done }
    }

    pub(super) fn each(&mut self, kind: Kind, sessions: &[SessionId], mut change: impl FnMut(&mut Attempts)) {
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
