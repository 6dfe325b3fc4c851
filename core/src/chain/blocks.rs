//! Questions to the CometBFT RPC: blocks, their results, the state of the nodes.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::answers::{Block, BlockResults, ConsensusLimits, Execution, Identity, Status};
use super::client::Chain;
use super::comet::{self, BlockReply, ConsensusReply, ResultsReply, StatusReply};
use super::error::ChainError;
use super::node::{Door, Node};
use super::tx::{SignedTx, TxHash};
use crate::units::Height;

const LATEST: Height = Height(0);
const FIRST: Height = Height(1);

impl Chain {
    /// The state of the preferred node that answers. Nodes of another chain are found out here and not asked again.
    pub async fn status(&self) -> Result<Status, ChainError> {
        self.failover(Door::Rpc, |node| self.status_of(node)).await
    }

    /// The state of every node, in the configured order. Those that are behind the others will be asked last for a while.
    pub async fn survey(&self) -> Vec<(String, Result<Status, ChainError>)> {
        let nodes = &self.shared().nodes;
        let statuses = futures::future::join_all(nodes.iter().map(|node| self.status_of(node))).await;
        let best = statuses.iter().flatten().map(|status| status.height).max().unwrap_or_default();
        for (node, status) in nodes.iter().zip(&statuses) {
            if let Ok(status) = status {
                // One block is the time between two answers.
                node.rank(status.catching_up || best - status.height > 1);
            }
        }
        nodes.iter().map(|node| node.name.clone()).zip(statuses).collect()
    }

    /// Asks a node for its state and checks that it is on our chain.
    pub(super) async fn status_of(&self, node: &Node) -> Result<Status, ChainError> {
        let reply: StatusReply = node.rpc.get("/status", LATEST).await?;
        let status = reply.into_status(&node.name);
        let foreign = self.is_foreign(&status);
        node.judge(foreign.clone());
        foreign.map_or(Ok(status), Err)
    }

    /// Another id, or the same id and another first block: a network that was made anew.
    fn is_foreign(&self, status: &Status) -> Option<ChainError> {
        let shared = self.shared();
        let expected = shared.chain_id.get_or_init(|| status.chain_id.clone());
        let foreign =
            |found: String| ChainError::ForeignChain { node: status.node.clone(), expected: expected.clone(), found };
        if status.chain_id != *expected {
            return Some(foreign(status.chain_id.clone()));
        }
        if status.earliest_height != FIRST {
            return None;
        }
        let first = shared.first_block.get_or_init(|| status.earliest_hash);
        (*first != status.earliest_hash).then(|| foreign(format!("{} with another first block", status.chain_id)))
    }

    /// Which chain the nodes follow, by the hash of its first block. A node that has pruned that block vouches with the
    /// lowest block it has.
    pub async fn identity(&self) -> Result<Identity, ChainError> {
        let status = self.status().await?;
        let block = match self.block(FIRST).await {
            Err(ChainError::Pruned { .. } | ChainError::Refused { .. }) => self.block(status.earliest_height).await?,
            first => first?,
        };
        Ok(Identity { chain_id: status.chain_id, height: block.height, hash: block.hash })
    }

    /// The block at a height, from any node that has it.
    pub async fn block(&self, height: Height) -> Result<Block, ChainError> {
        let fetch = async {
            let block = self.failover(Door::Rpc, |node| self.fetch_block(node, height)).await?;
            Ok((height, block.into_block(), true))
        };
        self.shared().blocks.get(height.to_string(), fetch).await
    }

    /// The newest block of the preferred node that answers.
    pub async fn latest_block(&self) -> Result<Block, ChainError> {
        let block = self.failover(Door::Rpc, |node| self.fetch_block(node, LATEST)).await?.into_block();
        self.shared().blocks.keep(block.height.to_string(), block.clone()).await;
        Ok(block)
    }

    /// What a block did: settlement, proof checks, slashing, and what became of its transactions.
    pub async fn block_results(&self, height: Height) -> Result<Arc<BlockResults>, ChainError> {
        let path = format!("/block_results?height={height}");
        let fetch = async {
            let reply: ResultsReply = self.failover(Door::Rpc, |node| node.rpc.get(&path, height)).await?;
            Ok((height, Arc::new(reply.into_results()), true))
        };
        self.shared().results.get(height.to_string(), fetch).await
    }

    /// The transactions of a block by hash, with what became of each.
    pub async fn executed(&self, height: Height) -> Result<Vec<(TxHash, Execution)>, ChainError> {
        let block = self.failover(Door::Rpc, |node| self.fetch_block(node, height)).await?;
        let results = self.block_results(height).await?;
        let malformed = |reason: String| ChainError::Malformed { node: String::new(), reason };
        if block.transactions().len() != results.executions.len() {
            return Err(malformed(format!("block {height} and its results differ in the number of transactions")));
        }
        let hash = |text: &String| {
            let bytes = BASE64_STANDARD.decode(text).map_err(|error| malformed(format!("transaction: {error}")))?;
            Ok(SignedTx::from_bytes(bytes).hash)
        };
        let pairs = block.transactions().iter().zip(&results.executions);
        pairs.map(|(text, execution)| Ok((hash(text)?, execution.clone()))).collect()
    }

    /// What a block may hold, now.
    pub async fn consensus_limits(&self) -> Result<ConsensusLimits, ChainError> {
        let reply: ConsensusReply = self.failover(Door::Rpc, |node| node.rpc.get("/consensus_params", LATEST)).await?;
        Ok(reply.into_limits())
    }

    /// Forgets a block that turned out not to belong to our chain.
    pub(super) async fn forget_block(&self, height: Height) {
        self.shared().blocks.forget(&height.to_string()).await;
    }

    async fn fetch_block(&self, node: &Node, height: Height) -> Result<BlockReply, ChainError> {
        let path = if height == LATEST { "/block".to_owned() } else { format!("/block?height={height}") };
        let reply: BlockReply = node.rpc.get(&path, height).await?;
        comet::check(&node.name, height, self.chain_id(), &reply)?;
        Ok(reply)
    }
}
