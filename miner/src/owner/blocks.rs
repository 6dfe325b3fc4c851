//! What became of transactions in their blocks: known at once, and by name, where block results can be read.

use std::collections::BTreeSet;

use prost::Message;
use relay_core::chain::tx::TxHash;
use relay_core::chain::{Block, Cause, Execution, Rejection};
use relay_core::proto::cosmos::tx::v1beta1::{TxBody, TxRaw};
use relay_core::proto::pocket::proof::{MsgCreateClaim, MsgSubmitProof};
use relay_core::units::{Height, SessionId};
use tracing::{info, warn};

use super::{Owner, OwnerError};
use crate::metrics::cause_name;
use crate::submission::Kind;

/// Blocks that are looked through at most when an owner begins, or was away.
const LOOK_BACK: i64 = 20;

impl Owner {
    /// Looks for our transactions in the blocks that came since the last time. Where no node can tell, module state does.
    pub(super) async fn look_through_blocks(&mut self, block: &Block) -> Result<(), OwnerError> {
        let around = self.around.clone();
        let under_way = self.under_way();
        let begin = self.looked_through.unwrap_or(block.height - LOOK_BACK).max(block.height - LOOK_BACK);
        if under_way.is_empty() {
            self.looked_through = Some(block.height);
            return Ok(());
        }
        let mut height = (begin + 1).max(Height(1));
        while height <= block.height {
            let Some(executed) = around.executions.of(&around.chain, height).await else { break };
            for (kind, hash) in &under_way {
                if let Some(execution) = executed.get(hash) {
                    self.note_execution(*kind, *hash, height, execution).await?;
                }
            }
            self.looked_through = Some(height);
            height = height + 1;
        }
        Ok(())
    }

    /// Transactions whose fate is not known.
    fn under_way(&self) -> BTreeSet<(Kind, TxHash)> {
        let records = self.sessions.values().map(|session| &session.record);
        let histories = records.flat_map(|record| [(Kind::Claim, &record.claim), (Kind::Proof, &record.proof)]);
        histories
            .filter_map(|(kind, attempts)| attempts.flight.as_ref().map(|flight| (kind, attempts, flight)))
            .filter(|(_, attempts, flight)| !flight.failed && !attempts.landed(flight.tx_hash))
            .map(|(kind, _, flight)| (kind, flight.tx_hash))
            .collect()
    }

    async fn note_execution(
        &mut self,
        kind: Kind,
        hash: TxHash,
        height: Height,
        execution: &Execution,
    ) -> Result<(), OwnerError> {
        let sessions: Vec<SessionId> = self
            .sessions
            .iter()
            .filter(|(_, session)| {
                kind.history(&session.record).flight.as_ref().is_some_and(|flight| flight.tx_hash == hash)
            })
            .map(|(id, _)| id.clone())
            .collect();
        if execution.code == 0 {
            info!(supplier = %self.supplier, kind = kind.name(), %hash, %height, sessions = sessions.len(), "carried out");
            self.each(kind, &sessions, |attempts| attempts.land(hash, height));
            self.count_included(kind, &sessions, height);
            return self.write_records(&sessions).await;
        }
        let rejection = Rejection::of(&execution.codespace, execution.code, &execution.log);
        warn!(supplier = %self.supplier, kind = kind.name(), %hash, %height, %rejection, "a transaction failed in its block");
        self.around.metrics.submission.failed(kind, &self.supplier, cause_name(rejection.cause));
        if rejection.cause == Cause::OutOfGas {
            self.wallet.gas().book.raise(kind);
            self.each(kind, &sessions, |attempts| {
                attempts.release(hash);
                attempts.last_error = Some(rejection.to_string());
            });
            return self.write_records(&sessions).await;
        }
        let culprit = match rejection.message_index {
            Some(index) => self.passenger(hash, index).await?,
            None => None,
        };
        for id in &sessions {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            let attempts = kind.attempts(&mut session.record);
            match &culprit {
                // Through no fault of its own: it goes at once with the others.
                Some(culprit) if culprit != id => attempts.release(hash),
                _ => attempts.fail(hash, height, rejection.to_string()),
            }
        }
        self.write_records(&sessions).await
    }

    fn count_included(&self, kind: Kind, sessions: &[SessionId], height: Height) {
        for windows in sessions.iter().filter_map(|id| self.sessions.get(id)?.windows) {
            let close = match kind {
                Kind::Claim => windows.claim_close,
                Kind::Proof => windows.proof_close,
            };
            self.around.metrics.submission.included(kind, &self.supplier, close - height);
        }
    }

    /// The session of the message at this place in a stored transaction.
    async fn passenger(&self, hash: TxHash, index: usize) -> Result<Option<SessionId>, OwnerError> {
        let bytes = self.around.store.tx(&self.supplier, &hash.to_string()).await?;
        Ok(bytes.and_then(|bytes| session_of(&bytes, index)))
    }
}

fn session_of(transaction: &[u8], index: usize) -> Option<SessionId> {
    let raw = TxRaw::decode(transaction).ok()?;
    let body = TxBody::decode(raw.body_bytes.as_slice()).ok()?;
    let message = body.messages.get(index)?;
    let header = match message.type_url.as_str() {
        "/pocket.proof.MsgCreateClaim" => MsgCreateClaim::decode(message.value.as_slice()).ok()?.session_header,
        "/pocket.proof.MsgSubmitProof" => MsgSubmitProof::decode(message.value.as_slice()).ok()?.session_header,
        _ => None,
    };
    header.map(|header| header.session_id.as_str().into())
}
