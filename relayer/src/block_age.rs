//! Raises the alarm when no new block comes.

use std::time::Duration;

use relay_core::chain::BlockFeed;
use tokio_util::sync::CancellationToken;

use crate::metrics::ValidationMetrics;

const LOOK: Duration = Duration::from_secs(1);

/// Keeps the gauges, and tells people once when the height becomes stale and once when it moves again, until `stop`.
pub(crate) async fn watch(feed: BlockFeed, oldest: Duration, metrics: ValidationMetrics, stop: CancellationToken) {
    let mut stale = false;
    while !stop.is_cancelled() {
        let age = feed.since_last();
        metrics.block(i64::try_from(age.as_secs()).unwrap_or(i64::MAX), age > oldest);
        if (age > oldest) != stale {
            stale = !stale;
            let (height, seconds) = (feed.height(), age.as_secs());
            if stale {
                tracing::warn!(%height, seconds, "no new block for too long: sessions that have ended may still be served; look at the nodes");
            } else {
                tracing::info!(%height, "blocks come again");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}
