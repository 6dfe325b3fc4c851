use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::chain::{BlockFeed, Chain};
use crate::store::{Event, Store};

/// What a lost message would have told is found out this much later at most.
const LOOK: Duration = Duration::from_secs(30);

/// Lets a process profit from its fleet until `stop`: its feed hears of new blocks, its caches of what changed, and it has the published
/// service factors. Nothing depends on it: a feed that hears nothing reads the chain by itself, and caches age. A process that `leads` does
/// not listen to its own voice.
pub async fn follow(
    store: Store,
    chain: Chain,
    feed: BlockFeed,
    leads: impl Fn() -> bool + Send + Sync,
    stop: CancellationToken,
) {
    let mut events = store.events(stop.clone());
    let mut look = tokio::time::interval(LOOK);
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = look.tick() => Some(Event::Factors),
        };
        let told = match event {
            None => return,
            Some(Event::Block(height)) => Some(height),
            Some(Event::Cache(name)) => {
                chain.doubt(&name).await;
                None
            }
            Some(Event::Factors) => {
                read_factors(&store).await;
                None
            }
            Some(Event::Supplier(_)) => None,
            Some(Event::Missed) => {
                chain.cache_metrics().missed();
                chain.doubt_all().await;
                read_factors(&store).await;
                store.newest_block().await.ok().flatten().map(|block| block.height)
            }
        };
        if let Some(height) = told {
            chain.cache_metrics().told(height);
            if !leads() {
                feed.announce(height);
            }
        }
    }
}

/// Those that were read before stay when Redis does not answer, or with what nobody can read.
async fn read_factors(store: &Store) {
    if let Err(error) = store.read_factors().await {
        tracing::debug!(%error, "the published service factors cannot be read");
    }
}
