//! What becomes of transactions at a node that loses or delays them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::Method;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::door::Passage;
use super::{Faults, LateBroadcasts};
use crate::{hex, request};

/// A late transaction is given up after this: no test's chain stands still so long.
const LATE_LIMIT: Duration = Duration::from_mins(10);

/// A transaction that came to the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broadcast {
    /// The signed bytes.
    pub bytes: Bytes,
    /// What the proxy did with them.
    pub fate: Fate,
}

/// What the proxy did with a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Passed on, and the node's own answer returned.
    Forwarded,
    /// Acknowledged, and passed on when the lag has passed.
    Late,
    /// Acknowledged and thrown away.
    Dropped,
}

impl Broadcast {
    /// The transaction's hash as the chain writes it, upper-case hex.
    #[must_use]
    pub fn hash(&self) -> String {
        hex::encode(&Sha256::digest(&self.bytes)).to_uppercase()
    }
}

/// Decides about a transaction. The answer is its hash if the proxy is to acknowledge it, nothing if it is to be forwarded.
pub(super) fn decide(passage: &Passage, faults: &Faults, bytes: Bytes) -> Option<String> {
    let late = faults.lag.map(|lag| (lag, lag.broadcasts));
    let fate = match (faults.drop_broadcasts, late) {
        (true, _) | (_, Some((_, LateBroadcasts::Drop))) => Fate::Dropped,
        (_, Some((lag, LateBroadcasts::Forward))) => {
            tokio::spawn(forward_late(passage.clone(), lag.blocks, bytes.clone()));
            Fate::Late
        }
        _ => Fate::Forwarded,
    };
    let broadcast = Broadcast { bytes, fate };
    let hash = (fate != Fate::Forwarded).then(|| broadcast.hash());
    passage.upstream.record(broadcast);
    hash
}

/// Sends the transaction on when the chain has made `blocks` more blocks. A node that is away meanwhile is asked again.
async fn forward_late(passage: Passage, blocks: u32, bytes: Bytes) {
    let began = Instant::now();
    let mut due = None;
    while passage.open() && began.elapsed() < LATE_LIMIT {
        if let Ok(tip) = passage.upstream.tip().await {
            let due = *due.get_or_insert(tip + i64::from(blocks));
            if tip >= due {
                let call = json!({
                    "jsonrpc": "2.0", "id": 1, "method": "broadcast_tx_sync", "params": {"tx": BASE64.encode(&bytes)},
                });
                if request::send(Method::POST, &passage.upstream.rpc, call.to_string()).await.is_ok() {
                    return;
                }
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
}
