use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::super::answers::Block;
use super::super::client::Chain;
use super::super::error::ChainError;
use super::{FeedConfig, Seen, lock};
use crate::units::Height;

/// Missing blocks that are fetched at the same time.
const AHEAD: usize = 4;

/// Without a new block for this many block times, all nodes are asked instead of the preferred one.
const PATIENCE: u32 = 3;

/// Hints are relied on for this many block times after the last one.
const HINTS_LAST: u32 = 2;

/// How often a node that is behind, or on another chain, is noticed without any trouble.
const BETWEEN_SURVEYS: Duration = Duration::from_secs(30);

pub(super) struct Follower {
    pub(super) chain: Chain,
    pub(super) config: FeedConfig,
    pub(super) seen: Arc<Seen>,
    pub(super) publish: watch::Sender<Option<Block>>,
    pub(super) wake: Arc<Notify>,
    pub(super) surveyed: Mutex<Option<Instant>>,
}

impl Follower {
    pub(super) async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&self) {
        let mut trouble = false;
        loop {
            match self.catch_up().await {
                Ok(()) => {
                    if trouble {
                        tracing::info!(height = self.height().0, "the block feed goes on");
                    }
                    trouble = false;
                }
                Err(error) => {
                    if !trouble {
                        tracing::warn!(%error, height = self.height().0, "the block feed waits for its nodes");
                    }
                    trouble = true;
                }
            }
            let _ = tokio::time::timeout(self.pause(), self.wake.notified()).await;
        }
    }

    /// A third of a block time, within the configured limits; longer while others tell of new blocks.
    fn pause(&self) -> Duration {
        let block_time = lock(&self.seen.pace).estimate();
        let own = (block_time / 3).min(self.config.longest_pause).max(self.config.shortest_pause);
        match *lock(&self.seen.told) {
            Some((height, at)) if height <= self.height() => {
                own.max((block_time * HINTS_LAST).saturating_sub(at.elapsed()))
            }
            // Nobody tells, or the node that was asked does not have that block yet.
            _ => own,
        }
    }

    fn height(&self) -> Height {
        self.publish.borrow().as_ref().map(|block| block.height).unwrap_or_default()
    }

    async fn catch_up(&self) -> Result<(), ChainError> {
        let newest = self.newest_height().await?;
        let Some(latest) = self.publish.borrow().clone() else {
            return self.publish_next(None, self.chain.block(newest).await?);
        };
        let missing = latest.height.0 + 1..=newest.0;
        let mut blocks = futures::stream::iter(missing).map(|height| self.chain.block(Height(height))).buffered(AHEAD);
        let mut parent = latest;
        while let Some(block) = blocks.next().await {
            let block = block?;
            if let Err(error) = self.publish_next(Some(&parent), block.clone()) {
                self.chain.forget_block(block.height).await;
                return Err(error);
            }
            parent = block;
        }
        Ok(())
    }

    /// The preferred node decides, unless it stands still for suspiciously long. All nodes are compared now and then.
    async fn newest_height(&self) -> Result<Height, ChainError> {
        let preferred = self.chain.status().await;
        let height = self.height();
        if let Ok(status) = &preferred
            && !status.catching_up
            && (status.height > height || !self.stands_still())
            && !self.is_survey_due()
        {
            return Ok(status.height);
        }
        *lock(&self.surveyed) = Some(Instant::now());
        let all = self.chain.survey().await;
        let best = all.into_iter().filter_map(|(_, status)| Some(status.ok()?.height)).max();
        best.map_or_else(|| preferred.map(|status| status.height), Ok)
    }

    fn is_survey_due(&self) -> bool {
        lock(&self.surveyed).is_none_or(|at| at.elapsed() > BETWEEN_SURVEYS)
    }

    fn stands_still(&self) -> bool {
        let patience = (lock(&self.seen.pace).estimate() * PATIENCE).max(self.config.longest_pause * PATIENCE);
        lock(&self.seen.last).elapsed() > patience
    }

    fn publish_next(&self, parent: Option<&Block>, block: Block) -> Result<(), ChainError> {
        let wrong = |reason: String| ChainError::Malformed { node: String::new(), reason };
        let expected = self.chain.chain_id().unwrap_or(&block.chain_id);
        if block.chain_id != expected {
            return Err(wrong(format!("block {} of chain {:?}, expected {expected:?}", block.height, block.chain_id)));
        }
        if parent.is_some_and(|parent| parent.hash != block.parent) {
            return Err(wrong(format!(
                "block {} does not continue the chain that was followed so far; if the chain was made anew, restart",
                block.height
            )));
        }
        self.seen.note(&block);
        self.publish.send_replace(Some(block));
        Ok(())
    }
}
