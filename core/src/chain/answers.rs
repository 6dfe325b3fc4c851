use super::events::ChainEvent;
use super::time::ChainTime;
use crate::address::PublicKey;
use crate::units::Height;

/// A committed block, as much of it as anyone here needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub height: Height,
    /// Its hash (`block_id.hash`), the one that session ids and proof seeds are made of.
    pub hash: [u8; 32],
    /// The hash of the block before; all zero for the first block.
    pub parent: [u8; 32],
    /// Its header time.
    pub time: ChainTime,
    /// The chain it belongs to.
    pub chain_id: String,
}

/// What a node says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The node's name in our configuration.
    pub node: String,
    /// The chain it follows.
    pub chain_id: String,
    /// Height of its newest block.
    pub height: Height,
    /// Time of its newest block.
    pub time: ChainTime,
    /// Lowest height it still has.
    pub earliest_height: Height,
    /// Hash of the block at that height.
    pub earliest_hash: [u8; 32],
    /// Whether it is still replaying old blocks.
    pub catching_up: bool,
}

/// Which chain this is: two chains with one id differ in the hash of their first block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The chain id.
    pub chain_id: String,
    /// Height of the block whose hash follows: 1 unless the node has pruned it.
    pub height: Height,
    /// Hash of that block.
    pub hash: [u8; 32],
}

/// An account as the chain knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number, which every signature covers. Never changes.
    pub number: u64,
    /// Its public key, known to the chain from its first transaction on.
    pub public_key: Option<PublicKey>,
}

/// What a block may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsensusLimits {
    /// Bytes of a block; `None` when the chain sets no limit below CometBFT's own of 100 MiB.
    pub max_bytes: Option<u64>,
    /// Gas of a block; `None` when unlimited.
    pub max_gas: Option<u64>,
}

/// What became of one transaction of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// 0 when it was carried out.
    pub code: u32,
    /// Whose code that is.
    pub codespace: String,
    /// The chain's words.
    pub log: String,
    /// The gas it was allowed.
    pub gas_wanted: u64,
    /// The gas it took.
    pub gas_used: u64,
    /// Events of the modules that we follow.
    pub events: Vec<ChainEvent>,
}

/// What a block did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockResults {
    /// Which block.
    pub height: Height,
    /// Its transactions, in order.
    pub executions: Vec<Execution>,
    /// What happened outside of transactions: proof checks, settlement, slashing.
    pub events: Vec<ChainEvent>,
}
