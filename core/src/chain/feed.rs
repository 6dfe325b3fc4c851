//! Following the blocks of the chain: every height, in order, once.

mod follow;
mod hint;
mod pace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use self::follow::Follower;
use self::pace::Pace;
use super::answers::Block;
use super::client::Chain;
use super::error::ChainError;
use crate::units::Height;

/// How to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedConfig {
    /// Block time to assume until two blocks have been seen.
    pub assumed_block_time: Duration,
    /// The longest pause between two questions for a new block.
    pub longest_pause: Duration,
    /// The shortest one.
    pub shortest_pause: Duration,
    /// Whether to let a websocket subscription wake the follower early. Polling alone gives the same blocks.
    pub subscribe: bool,
}

impl Default for FeedConfig {
    fn default() -> Self {
        Self {
            assumed_block_time: Duration::from_secs(30),
            longest_pause: Duration::from_secs(1),
            shortest_pause: Duration::from_millis(50),
            subscribe: true,
        }
    }
}

/// The blocks of our chain, as this process sees them. Its height never goes back; it advances block by block, each the
/// child of the one before, whatever the nodes say meanwhile. Cheap to clone.
#[derive(Clone)]
pub struct BlockFeed {
    chain: Chain,
    seen: Arc<Seen>,
    latest: watch::Receiver<Option<Block>>,
    wake: Arc<Notify>,
}

/// What the follower leaves for readers, and they for it.
struct Seen {
    pace: Mutex<Pace>,
    last: Mutex<Instant>,
    /// What others told of last, and when.
    told: Mutex<Option<(Height, Instant)>>,
}

impl BlockFeed {
    /// Starts following at the chain's newest block, until `stop` is cancelled. Nodes that do not answer are asked again for
    /// ever: a feed that started without any node comes to life with the first one.
    #[must_use]
    pub fn start(chain: Chain, config: FeedConfig, stop: CancellationToken) -> Self {
        let (publish, latest) = watch::channel(None);
        let seen = Arc::new(Seen {
            pace: Mutex::new(Pace::new(config.assumed_block_time)),
            last: Mutex::new(Instant::now()),
            told: Mutex::default(),
        });
        let wake = Arc::new(Notify::new());
        if config.subscribe {
            tokio::spawn(hint::listen(chain.clone(), wake.clone(), stop.clone()));
        }
        let surveyed = Mutex::default();
        let follower =
            Follower { chain: chain.clone(), config, seen: seen.clone(), publish, wake: wake.clone(), surveyed };
        tokio::spawn(follower.run(stop));
        Self { chain, seen, latest, wake }
    }

    /// The newest block; `None` before the first.
    #[must_use]
    pub fn latest(&self) -> Option<Block> {
        self.latest.borrow().clone()
    }

    /// The height of the newest block; 0 before the first.
    #[must_use]
    pub fn height(&self) -> Height {
        self.latest.borrow().as_ref().map(|block| block.height).unwrap_or_default()
    }

    /// A receiver of the newest block. It skips blocks when its reader is slow; [`Self::next_after`] does not.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Option<Block>> {
        self.latest.clone()
    }

    /// Waits until the chain has reached a height, and gives the newest block then.
    pub async fn reached(&self, height: Height) -> Result<Block, ChainError> {
        let mut latest = self.latest.clone();
        let newest = latest.wait_for(|newest| newest.as_ref().is_some_and(|block| block.height >= height)).await;
        newest.ok().and_then(|block| block.clone()).ok_or_else(stopped)
    }

    /// The block after `height`, as soon as it exists. A reader that calls this with the height it got last sees every block.
    pub async fn next_after(&self, height: Height) -> Result<Block, ChainError> {
        let next = height + 1;
        let newest = self.reached(next).await?;
        if newest.height == next { Ok(newest) } else { self.chain.block(next).await }
    }

    /// Takes a hint that a block exists, from somebody who follows the chain too. The block is still read from the chain. While
    /// hints come, the chain is not asked for new blocks in between; two block times after the last one it is again.
    pub fn announce(&self, height: Height) {
        *lock(&self.seen.told) = Some((height, Instant::now()));
        if height > self.height() {
            self.wake.notify_one();
        }
    }

    /// The usual time between two blocks: the median of the last ones.
    #[must_use]
    pub fn block_time(&self) -> Duration {
        lock(&self.seen.pace).estimate()
    }

    /// How long ago this process saw a new block, by its own clock; before the first, how long ago it started looking.
    #[must_use]
    pub fn since_last(&self) -> Duration {
        lock(&self.seen.last).elapsed()
    }
}

impl Seen {
    fn note(&self, block: &Block) {
        lock(&self.pace).note(block.height, block.time);
        *lock(&self.last) = Instant::now();
    }
}

/// Nothing panics while these locks are held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn stopped() -> ChainError {
    ChainError::Transient { node: String::new(), reason: "the block feed has been stopped".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::config::{ChainConfig, NodeConfig};
    use super::*;

    // rule: M-19
    #[tokio::test]
    async fn whoever_stops_waiting_for_a_height_leaves_nothing_behind() {
        let node = NodeConfig { name: "n".into(), rpc: "http://127.0.0.1:1".into(), grpc: "127.0.0.1:1".into() };
        let (publish, latest) = watch::channel(None);
        let seen = Seen {
            pace: Mutex::new(Pace::new(Duration::from_secs(1))),
            last: Mutex::new(Instant::now()),
            told: Mutex::default(),
        };
        let chain = Chain::new(&ChainConfig::new(vec![node])).unwrap();
        let feed = BlockFeed { chain, seen: Arc::new(seen), latest, wake: Arc::default() };
        let waiting: Vec<_> = (0..100)
            .map(|height| {
                let feed = feed.clone();
                tokio::spawn(async move { feed.reached(Height(1_000 + height)).await.map(|block| block.height) })
            })
            .collect();
        while publish.receiver_count() < 101 {
            tokio::task::yield_now().await;
        }
        for task in waiting {
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
        }
        assert_eq!(publish.receiver_count(), 1, "the feed's own");
    }
}
