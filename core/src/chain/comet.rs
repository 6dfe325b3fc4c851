//! What the CometBFT RPC prints: 64-bit numbers as texts, hashes in upper-case hex.

use std::fmt::Display;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use super::answers::{Block, BlockResults, ConsensusLimits, Execution, Status};
use super::error::ChainError;
use super::events::{self, RawEvent};
use super::time::ChainTime;
use crate::units::Height;

/// A value written as a text.
struct Quoted<T>(T);

impl<'de, T> Deserialize<'de> for Quoted<T>
where
    T: FromStr,
    T::Err: Display,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|error| de::Error::custom(format!("{text:?}: {error}")))
    }
}

/// A block hash; the empty text stands for "none" and reads as zeros.
#[derive(Default)]
struct Hash([u8; 32]);

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        if !text.is_empty() {
            hex::decode_to_slice(&text, &mut bytes).map_err(|error| de::Error::custom(format!("{text:?}: {error}")))?;
        }
        Ok(Self(bytes))
    }
}

#[derive(Deserialize)]
struct BlockId {
    hash: Hash,
}

#[derive(Deserialize)]
struct Header {
    chain_id: String,
    height: Quoted<i64>,
    time: Quoted<ChainTime>,
    last_block_id: Option<BlockId>,
}

/// Result of `/block`.
#[derive(Deserialize)]
pub(super) struct BlockReply {
    block_id: BlockId,
    block: BlockBody,
}

#[derive(Deserialize)]
struct BlockBody {
    header: Header,
    #[serde(default)]
    data: BlockData,
}

#[derive(Deserialize, Default)]
struct BlockData {
    txs: Option<Vec<String>>,
}

impl BlockReply {
    /// The transactions, in base64.
    pub(super) fn transactions(&self) -> &[String] {
        self.block.data.txs.as_deref().unwrap_or_default()
    }

    pub(super) fn into_block(self) -> Block {
        let header = self.block.header;
        Block {
            height: Height(header.height.0),
            hash: self.block_id.hash.0,
            parent: header.last_block_id.map(|id| id.hash.0).unwrap_or_default(),
            time: header.time.0,
            chain_id: header.chain_id,
        }
    }
}

/// Result of `/status`.
#[derive(Deserialize)]
pub(super) struct StatusReply {
    node_info: NodeInfo,
    sync_info: SyncInfo,
}

#[derive(Deserialize)]
struct NodeInfo {
    network: String,
}

#[derive(Deserialize)]
struct SyncInfo {
    latest_block_height: Quoted<i64>,
    latest_block_time: Quoted<ChainTime>,
    earliest_block_height: Quoted<i64>,
    earliest_block_hash: Hash,
    catching_up: bool,
}

impl StatusReply {
    pub(super) fn into_status(self, node: &str) -> Status {
        Status {
            node: node.to_owned(),
            chain_id: self.node_info.network,
            height: Height(self.sync_info.latest_block_height.0),
            time: self.sync_info.latest_block_time.0,
            earliest_height: Height(self.sync_info.earliest_block_height.0),
            earliest_hash: self.sync_info.earliest_block_hash.0,
            catching_up: self.sync_info.catching_up,
        }
    }
}

/// Result of `/block_results`.
#[derive(Deserialize)]
pub(super) struct ResultsReply {
    height: Quoted<i64>,
    txs_results: Option<Vec<TxResult>>,
    #[serde(default)]
    finalize_block_events: Option<Vec<RawEvent>>,
}

#[derive(Deserialize)]
struct TxResult {
    code: u32,
    #[serde(default)]
    codespace: String,
    #[serde(default)]
    log: String,
    gas_wanted: Quoted<i64>,
    gas_used: Quoted<i64>,
    #[serde(default)]
    events: Option<Vec<RawEvent>>,
}

impl ResultsReply {
    pub(super) fn into_results(self) -> BlockResults {
        let executions = self.txs_results.unwrap_or_default().into_iter().map(TxResult::into_execution).collect();
        BlockResults {
            height: Height(self.height.0),
            executions,
            events: events::read(self.finalize_block_events.unwrap_or_default()),
        }
    }
}

impl TxResult {
    fn into_execution(self) -> Execution {
        Execution {
            code: self.code,
            codespace: self.codespace,
            log: self.log,
            gas_wanted: u64::try_from(self.gas_wanted.0).unwrap_or_default(),
            gas_used: u64::try_from(self.gas_used.0).unwrap_or_default(),
            events: events::read(self.events.unwrap_or_default()),
        }
    }
}

/// Result of `/consensus_params`.
#[derive(Deserialize)]
pub(super) struct ConsensusReply {
    consensus_params: ConsensusParams,
}

#[derive(Deserialize)]
struct ConsensusParams {
    block: BlockLimits,
}

#[derive(Deserialize)]
struct BlockLimits {
    max_bytes: Quoted<i64>,
    max_gas: Quoted<i64>,
}

impl ConsensusReply {
    /// −1 stands for "no limit".
    pub(super) fn into_limits(self) -> ConsensusLimits {
        let limits = self.consensus_params.block;
        ConsensusLimits {
            max_bytes: u64::try_from(limits.max_bytes.0).ok(),
            max_gas: u64::try_from(limits.max_gas.0).ok(),
        }
    }
}

/// A node answers `/block` for a height it is still working on with empty parts.
pub(super) fn check(node: &str, asked: Height, reply: &BlockReply) -> Result<(), ChainError> {
    let height = Height(reply.block.header.height.0);
    if (asked.0 == 0 || height == asked) && reply.block_id.hash.0 != [0; 32] {
        return Ok(());
    }
    let reason = format!("block {height} instead of {asked}, or a block without hash");
    Err(ChainError::Malformed { node: node.to_owned(), reason })
}
