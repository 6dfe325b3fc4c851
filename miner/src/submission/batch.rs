use std::time::Duration;

use prost_types::Any;
use relay_core::chain::tx::SignedTx;
use relay_core::chain::{Cause, ChainTime, Rejection};
use relay_core::units::SessionId;

use super::wallet::{Gas, Signed, Wallet, WalletError};
use super::{GasMode, Kind, Limits};

/// Messages of several sessions that may travel in one transaction.
pub struct Batch {
    /// What they are.
    pub kind: Kind,
    /// Session and message, in the order of the transaction.
    pub messages: Vec<(SessionId, Any)>,
    /// Time of the newest block.
    pub block_time: ChainTime,
    /// How long the transaction may stay valid.
    pub life: Duration,
    /// The next block is the first of the window: a simulation, at the newest block, would be too early.
    pub opens_next: bool,
    /// It failed before: only a simulation that works lets it go out again, so that it costs no second fee.
    pub failed_before: bool,
}

/// A signed transaction and whom it is for.
pub struct Prepared {
    /// The bytes.
    pub transaction: SignedTx,
    /// Block time from which the chain refuses them.
    pub expires: ChainTime,
    /// The gas it may take.
    pub gas: u64,
    /// The sessions inside.
    pub sessions: Vec<SessionId>,
}

/// A message that is in no transaction, and why.
pub struct Left {
    /// Its session.
    pub session: SessionId,
    /// What stands against it.
    pub reason: Reason,
}

/// Why a message is in no transaction.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The chain would refuse it.
    #[error("{0}")]
    Refused(Rejection),
    /// Alone it is more than a transaction may be.
    #[error("one message alone takes {bytes} bytes and {gas} gas, a transaction may take {most_bytes} and {most_gas}")]
    TooLarge {
        /// Bytes of its transaction.
        bytes: usize,
        /// Gas of its transaction.
        gas: u64,
        /// Bytes that are allowed.
        most_bytes: u64,
        /// Gas that is allowed.
        most_gas: u64,
    },
    /// Not yet: the chain did not answer, or cannot simulate yet.
    #[error("{0}")]
    Later(String),
}

/// Signs transactions for as many messages as the chain would carry out. A transaction is all or nothing, so a message that
/// would fail is taken out and the rest goes on without it; one that is too large is split in halves. Each message is in
/// exactly one of the results.
pub async fn prepare(wallet: &mut Wallet, limits: &Limits, batch: Batch) -> (Vec<Prepared>, Vec<Left>) {
    let Batch { kind, messages, block_time, life, opens_next, failed_before } = batch;
    let simulates = failed_before || wallet.gas().mode == GasMode::Simulate && !opens_next;
    let first = if simulates { Gas::Simulated } else { Gas::Estimated };
    let (mut prepared, mut left) = (Vec::new(), Vec::new());
    let mut todo = vec![messages];
    while let Some(mut messages) = todo.pop() {
        let Some((head, _)) = messages.first() else { continue };
        let several = messages.len() > 1;
        if several && wallet.estimate(kind, messages.len()).is_some_and(|gas| gas > limits.batch_gas) {
            todo.extend(halves(messages));
            continue;
        }
        let bodies: Vec<Any> = messages.iter().map(|(_, message)| message.clone()).collect();
        // One message gets what a block has, with less in reserve if need be; several are split rather.
        let most = if several { u64::MAX } else { limits.gas };
        let mut signed = wallet.sign(kind, bodies.clone(), (block_time, life), first, most).await;
        if !failed_before && signed.as_ref().is_err_and(is_no_verdict) && wallet.estimate(kind, bodies.len()).is_some()
        {
            // A node that is silent, or has not seen the window open, says nothing about the messages.
            signed = wallet.sign(kind, bodies, (block_time, life), Gas::Estimated, most).await;
        }
        match signed {
            Ok(Signed { transaction, expires, gas }) => {
                let bytes = transaction.bytes.len();
                if limits.allow(messages.len(), bytes, gas) {
                    let sessions = messages.into_iter().map(|(session, _)| session).collect();
                    prepared.push(Prepared { transaction, expires, gas, sessions });
                } else if several {
                    todo.extend(halves(messages));
                } else {
                    let reason = Reason::TooLarge { bytes, gas, most_bytes: limits.bytes, most_gas: limits.gas };
                    left.push(Left { session: head.clone(), reason });
                }
            }
            Err(WalletError::WouldFail(rejection)) => match rejection.message_index {
                Some(culprit) if culprit < messages.len() => {
                    let (session, _) = messages.remove(culprit);
                    left.push(Left { session, reason: Reason::Refused(rejection) });
                    todo.push(messages);
                }
                // No message is to blame by name: halves are tried, down to the one that cannot be sent.
                _ if several => todo.extend(halves(messages)),
                _ => left.push(Left { session: head.clone(), reason: Reason::Refused(rejection) }),
            },
            Err(error) => {
                let later = |(session, _)| Left { session, reason: Reason::Later(error.to_string()) };
                left.extend(messages.into_iter().map(later));
            }
        }
    }
    (prepared, left)
}

/// Whether an error says nothing about the messages themselves.
fn is_no_verdict(error: &WalletError) -> bool {
    match error {
        WalletError::Chain(_) => true,
        WalletError::WouldFail(rejection) => {
            matches!(rejection.cause, Cause::OutsideClaimWindow | Cause::OutsideProofWindow)
        }
        WalletError::Timestamps(_) | WalletError::GasUnknown(_) => false,
    }
}

fn halves(mut messages: Vec<(SessionId, Any)>) -> [Vec<(SessionId, Any)>; 2] {
    let second = messages.split_off(messages.len() / 2);
    // Taken from the end: the first half goes first.
    [second, messages]
}
