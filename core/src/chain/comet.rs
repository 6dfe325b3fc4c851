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

/// A block must be the one that was asked for, of our chain, and complete.
pub(super) fn check(node: &str, asked: Height, chain: Option<&str>, reply: &BlockReply) -> Result<(), ChainError> {
    let header = &reply.block.header;
    if let Some(expected) = chain
        && header.chain_id != expected
    {
        return Err(ChainError::ForeignChain {
            node: node.to_owned(),
            expected: expected.to_owned(),
            found: header.chain_id.clone(),
        });
    }
    let height = Height(header.height.0);
    if (asked.0 == 0 || height == asked) && reply.block_id.hash.0 != [0; 32] {
        return Ok(());
    }
    let reason = format!("block {height} instead of {asked}, or a block without hash");
    Err(ChainError::Malformed { node: node.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde::de::DeserializeOwned;

    use super::super::events::{ChainEvent, Reward};
    use super::*;
    use crate::units::{ComputeUnits, ServiceId, SessionId, Upokt};

    fn load<T: DeserializeOwned>(name: &str) -> T {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("../tests/fixtures/cometbft/{name}.json"));
        let document: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        serde_json::from_value(document["result"].clone()).unwrap()
    }

    #[test]
    fn blocks_give_hash_parent_and_time() {
        let block = load::<BlockReply>("block.12").into_block();
        assert_eq!(block.height, Height(12));
        assert_eq!(hex::encode_upper(block.hash), "6855043DB3B1D8B8D5C637B375CB1CD8F465D5763BE9D14D4D30F259B8A2574A");
        assert_eq!(hex::encode_upper(block.parent), "116D7E252D5E764F0225E7660AE961BB34AC46864084FE78BF8036543CCCE5E4");
        assert_eq!(Ok(block.time), "2026-11-23T10:36:31.733933201Z".parse());
        assert_eq!(block.chain_id, "pocket");
        assert_eq!(load::<BlockReply>("block.12").transactions().len(), 0);
        assert_eq!(load::<BlockReply>("block.23").transactions().len(), 15);
    }

    #[test]
    fn a_block_is_what_was_asked_for() {
        let block: BlockReply = load("block.12");
        assert!(check("n", Height(12), None, &block).is_ok());
        assert!(check("n", Height(0), Some("pocket"), &block).is_ok());
        assert!(check("n", Height(13), None, &block).is_err());
        let foreign = check("n", Height(12), Some("pocket-other"), &block);
        assert!(matches!(foreign, Err(ChainError::ForeignChain { .. })), "{foreign:?}");
    }

    #[test]
    fn status_names_chain_and_heights() {
        let status = load::<StatusReply>("status").into_status("n");
        assert_eq!(
            (status.chain_id.as_str(), status.height, status.earliest_height),
            ("pocket", Height(53), Height(1))
        );
        assert!(!status.catching_up);
    }

    #[test]
    fn ordinary_blocks_have_no_events_of_ours() {
        let results = load::<ResultsReply>("block_results.12").into_results();
        assert_eq!((results.height, results.executions.len(), results.events.len()), (Height(12), 0, 0));
    }

    #[test]
    fn claims_appear_in_their_transactions() {
        let results = load::<ResultsReply>("block_results.23").into_results();
        assert_eq!(results.executions.len(), 15);
        assert!(results.executions.iter().all(|execution| execution.code == 0));
        let claims: Vec<_> = results.executions.iter().flat_map(|execution| &execution.events).collect();
        assert_eq!(claims.len(), 47);
        let ChainEvent::Claimed { key, size, replaced: false } = claims[0] else { panic!("{:?}", claims[0]) };
        assert_eq!(key.service, ServiceId::from("develop-http"));
        assert_eq!(key.session_end, Height(20));
        assert_eq!((size.relays, size.compute_units, size.claimed), (20, ComputeUnits(20_000), Upokt(2_000_000)));
    }

    #[test]
    fn proofs_are_checked_at_the_end_of_their_block() {
        let results = load::<ResultsReply>("block_results.31").into_results();
        let in_transactions = results.executions.iter().flat_map(|execution| &execution.events);
        assert_eq!(in_transactions.filter(|event| matches!(event, ChainEvent::Proven { .. })).count(), 47);
        assert_eq!(results.events.len(), 47);
        assert!(results.events.iter().all(|event| matches!(event, ChainEvent::ProofChecked { failure: None, .. })));
    }

    #[test]
    fn settlement_tells_who_earned_what() {
        let results = load::<ResultsReply>("block_results.38").into_results();
        let settled: Vec<_> = results
            .events
            .iter()
            .filter_map(|event| match event {
                ChainEvent::Settled(settled) => Some(settled),
                _ => None,
            })
            .collect();
        assert_eq!(settled.len(), 47);
        let first = settled[0];
        assert_eq!(first.session, SessionId::from("0dbc41982dc1a911b023625f2c2abd7d54b7b502d55566288d0a877899e4ff20"));
        assert_eq!((first.settled, first.minted, first.overservicing_loss), (Upokt(400_000), Upokt(400_000), Upokt(0)));
        let share: u128 = first.rewards.iter().filter(|reward| reward.is_supplier_share()).map(amount).sum();
        let all: u128 = first.rewards.iter().map(amount).sum();
        // The proposer's 5 % are paid for all claims together.
        assert_eq!((share, all), (280_000, 380_000));
        let difficulties = results.events.iter().filter(|event| matches!(event, ChainEvent::DifficultyUpdated { .. }));
        assert_eq!(difficulties.count(), 5);
        assert_eq!(results.events.len(), 52, "nothing unreadable");
    }

    fn amount(reward: &Reward) -> u128 {
        reward.amount.0
    }
}
