//! Sending transactions.

use super::client::{Chain, present};
use super::error::ChainError;
use super::node::{Door, Node};
use super::tx::SignedTx;
use super::verdict::{Cause, Rejection, Simulation, Verdict};
use crate::proto::cosmos::tx::v1beta1::{BroadcastMode, BroadcastTxRequest, BroadcastTxResponse, SimulateRequest};

const SDK: &str = "sdk";
const IN_MEMPOOL: u32 = 19;

impl Chain {
    /// Carries a signed transaction out on the newest state of a node, without effect. The fee may be missing; reuse of a
    /// timestamp is not noticed.
    pub async fn simulate(&self, bytes: &[u8]) -> Result<Simulation, ChainError> {
        match self.ask(SimulateRequest { tx_bytes: bytes.to_vec() }).await {
            Ok(answer) => Ok(Simulation::Works { gas_used: present(answer.value.gas_info, "gas")?.gas_used }),
            Err(error) => failed_simulation(error),
        }
    }

    /// Hands a signed transaction to a node's mempool, or to the next node when that fails. Sending the same bytes to
    /// several nodes, or again, is safe: they are one transaction.
    pub async fn broadcast(&self, transaction: &SignedTx) -> Result<Verdict, ChainError> {
        let request = BroadcastTxRequest { tx_bytes: transaction.bytes.clone(), mode: BroadcastMode::Sync.into() };
        let request = &request;
        self.failover(Door::Grpc, |node| async move {
            read_verdict(node, node.ask(request.clone(), None).await?.value, transaction)
        })
        .await
    }
}

fn read_verdict(node: &Node, reply: BroadcastTxResponse, transaction: &SignedTx) -> Result<Verdict, ChainError> {
    let reply = present(reply.tx_response, "result")?;
    let already = reply.codespace == SDK && reply.code == IN_MEMPOOL;
    if reply.code == 0 || already {
        return Ok(Verdict::Accepted { hash: transaction.hash, already });
    }
    let rejection = Rejection::of(&reply.codespace, reply.code, &reply.raw_log);
    if rejection.cause == Cause::MempoolFull {
        return Err(ChainError::Transient { node: node.name.clone(), reason: rejection.to_string() });
    }
    Ok(Verdict::Rejected(rejection))
}

/// A node reports a transaction that would fail as a failed query, with the gas used so far at the end of the text.
fn failed_simulation(error: ChainError) -> Result<Simulation, ChainError> {
    match &error {
        ChainError::Refused { code, reason, .. } if reason.contains("with gas used: '") => {
            let code = u32::try_from(*code).unwrap_or_default();
            Ok(Simulation::Fails(Rejection::of("", code, reason)))
        }
        _ => Err(error),
    }
}
