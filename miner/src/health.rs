//! Watchers beside the work: they see what those that work cannot see of themselves.

use std::time::Duration;

use relay_core::chain::{BlockFeed, Chain};
use relay_core::telemetry::Progress;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Between two looks at the block feed.
const LOOK: Duration = Duration::from_secs(10);
/// A feed is doubted when it has seen no block for so many block times, and not before [`DOUBT`].
const QUIET_BLOCKS: u32 = 3;
const DOUBT: Duration = Duration::from_mins(1);
/// A feed that knows fewer blocks than the chain for this long is stuck.
const STUCK: Duration = Duration::from_mins(2);

/// Lets `/health` fail when the block feed stands still though the chain goes on. A chain that stands still itself, or that nobody
/// can reach, is no reason to be restarted: `/ready` tells of it.
pub(crate) fn watch_feed(progress: &Progress, chain: Chain, feed: BlockFeed, stop: CancellationToken) {
    let beat = progress.watch("block feed", STUCK);
    tokio::spawn(async move {
        while !pause(LOOK, &stop).await {
            let doubt = (feed.block_time() * QUIET_BLOCKS).max(DOUBT);
            if feed.since_last() < doubt {
                beat.tick();
                continue;
            }
            match chain.status().await {
                Ok(status) if status.height > feed.height() => {
                    warn!(chain = %status.height, feed = %feed.height(), "the chain goes on, the block feed does not");
                }
                _ => beat.tick(),
            }
        }
    });
}

/// Whether it is time to stop, known after a pause at the latest.
async fn pause(pause: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(pause) => false,
    }
}
