use std::future::Future;
use std::sync::{Arc, OnceLock};

use super::answers::{Block, BlockResults};
use super::caches::{Backing, CacheMetrics, Codec, Live, Pinned, SharedTier};
use super::config::ChainConfig;
use super::entities::Entities;
use super::error::ChainError;
use super::grpc::{Answer, Method};
use super::node::{Door, Node};
use super::params::HistoryCaches;

const MOST_BLOCKS: u64 = 4096;
const MOST_RESULTS: u64 = 32;

/// The chain, as seen through its nodes. Cheap to clone; all clones share connections and caches.
#[derive(Clone)]
pub struct Chain(Arc<Shared>);

pub(super) struct Shared {
    pub(super) nodes: Vec<Node>,
    /// The chain that every node must follow: configured, or what the first node said.
    pub(super) chain_id: OnceLock<String>,
    /// The hash of its first block, from the first node that still had it.
    pub(super) first_block: OnceLock<[u8; 32]>,
    pub(super) blocks: Pinned<Block>,
    pub(super) results: Pinned<Arc<BlockResults>>,
    pub(super) history: HistoryCaches,
    pub(super) entities: Entities,
    backing: Arc<Backing>,
}

impl Chain {
    /// Prepares the connections; the first question opens them.
    pub fn new(config: &ChainConfig) -> Result<Self, ChainError> {
        if config.nodes.is_empty() {
            return Err(ChainError::Config { node: String::new(), reason: "no node is configured".to_owned() });
        }
        let nodes = config.nodes.iter().map(|node| Node::new(node, config)).collect::<Result<_, _>>()?;
        let chain_id = config.chain_id.clone().map_or_else(OnceLock::new, OnceLock::from);
        let backing = Arc::<Backing>::default();
        Ok(Self(Arc::new(Shared {
            nodes,
            chain_id,
            first_block: OnceLock::new(),
            blocks: Pinned::new("block", MOST_BLOCKS, None, Arc::clone(&backing)),
            results: Pinned::new("block_results", MOST_RESULTS, None, Arc::clone(&backing)),
            history: HistoryCaches::new(&backing),
            entities: Entities::new(config, &backing),
            backing,
        })))
    }

    /// The id of the chain: configured, or learned from the first node that answered [`Self::status`].
    #[must_use]
    pub fn chain_id(&self) -> Option<&str> {
        self.0.chain_id.get().map(String::as_str)
    }

    /// Lets the processes of a pool share what they learn, from now on: memory first, then this tier, then the chain.
    pub fn share(&self, tier: Arc<dyn SharedTier>) {
        self.0.backing.share(tier);
    }

    /// How the caches serve.
    #[must_use]
    pub fn cache_metrics(&self) -> &CacheMetrics {
        &self.0.backing.metrics
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.0
    }

    /// The nodes in the order in which they should be asked: those that failed a moment ago, or are behind, come last.
    pub(super) fn in_order(&self, door: Door) -> Vec<&Node> {
        let ours = self.0.nodes.iter().filter(|node| node.foreign().is_none());
        let (later, first): (Vec<&Node>, Vec<&Node>) = ours.partition(|node| node.is_second_choice(door));
        first.into_iter().chain(later).collect()
    }

    /// Asks node after node until one gives an answer that no other could improve.
    pub(super) async fn failover<'a, T, F, Fut>(&'a self, door: Door, attempt: F) -> Result<T, ChainError>
    where
        F: Fn(&'a Node) -> Fut,
        Fut: Future<Output = Result<T, ChainError>>,
    {
        let mut last = None;
        for node in self.in_order(door) {
            // Boxed: the future of a gRPC call would blow up every future that holds it.
            let outcome = Box::pin(attempt(node)).await;
            node.note(door, &outcome);
            match outcome {
                Err(error) if error.another_node_may_know() => {
                    tracing::debug!(node = node.name, %error, "asking the next node");
                    last = Some(error);
                }
                settled => return settled,
            }
        }
        Err(last.or_else(|| self.0.nodes.iter().find_map(Node::foreign)).unwrap_or_else(no_node))
    }

    /// One gRPC question to whichever node answers.
    pub(super) async fn ask<M: Method>(&self, request: M) -> Result<Answer<M::Reply>, ChainError> {
        self.failover(Door::Grpc, |node| node.ask(request.clone(), None)).await
    }
}

fn no_node() -> ChainError {
    ChainError::Transient { node: String::new(), reason: "no node can be asked".to_owned() }
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.nodes.iter().map(|node| &node.name)).finish()
    }
}

/// A message that a reply must carry.
pub(super) fn present<T>(value: Option<T>, what: &str) -> Result<T, ChainError> {
    value.ok_or_else(|| ChainError::Malformed { node: String::new(), reason: format!("the answer has no {what}") })
}

impl Shared {
    /// A cache of live values, with the configured times.
    pub(super) fn live<V>(
        kind: &'static str,
        most: u64,
        codec: Codec<V>,
        config: &ChainConfig,
        backing: &Arc<Backing>,
    ) -> Live<V>
    where
        V: Clone + Send + Sync + 'static,
    {
        Live::new(kind, most, (config.live_ttl, config.stale_limit), codec, Arc::clone(backing))
    }
}
