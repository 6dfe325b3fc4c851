use std::time::Duration;

use prost_types::Any;
use relay_core::chain::tx::SignedTx;
use relay_core::chain::{ChainTime, Rejection};
use relay_core::units::SessionId;

use super::wallet::{Wallet, WalletError};

/// Messages of several sessions that may travel in one transaction.
pub struct Batch {
    /// Session and message, in the order of the transaction.
    pub messages: Vec<(SessionId, Any)>,
    /// How long the transaction may stay valid.
    pub life: Duration,
}

/// A signed transaction and whom it is for.
pub struct Prepared {
    /// The bytes.
    pub transaction: SignedTx,
    /// Block time from which the chain refuses them.
    pub expires: ChainTime,
    /// The sessions inside.
    pub sessions: Vec<SessionId>,
}

/// A message that is not in the transaction, and the chain's reason.
pub struct Left {
    /// Its session.
    pub session: SessionId,
    /// Why the chain would refuse it.
    pub rejection: Rejection,
}

/// Signs one transaction for as many messages as the chain would carry out. A transaction is all or nothing, so a message that
/// would fail is taken out and the rest goes on without it.
pub async fn prepare(
    wallet: &mut Wallet,
    batch: Batch,
    block_time: ChainTime,
) -> Result<(Option<Prepared>, Vec<Left>), WalletError> {
    let Batch { mut messages, life } = batch;
    let mut left = Vec::new();
    while !messages.is_empty() {
        let bodies = messages.iter().map(|(_, message)| message.clone()).collect();
        match wallet.sign(bodies, block_time, life).await {
            Ok((transaction, expires)) => {
                let sessions = messages.into_iter().map(|(session, _)| session).collect();
                return Ok((Some(Prepared { transaction, expires, sessions }), left));
            }
            Err(WalletError::WouldFail(rejection)) => {
                // Without an index the fault may lie in any of them: they are tried one by one with the next blocks.
                let culprit = match rejection.message_index {
                    Some(index) if index < messages.len() => index,
                    _ if messages.len() == 1 => 0,
                    _ => return Err(WalletError::WouldFail(rejection)),
                };
                let (session, _) = messages.remove(culprit);
                left.push(Left { session, rejection });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((None, left))
}
