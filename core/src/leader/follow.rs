use tokio_util::sync::CancellationToken;

use crate::chain::BlockFeed;
use crate::store::{Event, Store};

/// Lets a process profit from its fleet's leader until `stop`: its feed hears of new blocks. Nothing depends on it: a feed that
/// hears nothing reads the chain by itself. A process that `leads` does not listen to its own voice.
pub async fn follow(store: Store, feed: BlockFeed, leads: impl Fn() -> bool + Send + Sync, stop: CancellationToken) {
    let mut events = store.events(stop.clone());
    while let Some(event) = events.recv().await {
        let told = match event {
            Event::Block(height) => Some(height),
            Event::Missed => store.newest_block().await.ok().flatten().map(|block| block.height),
            Event::Cache(_) | Event::Supplier(_) | Event::Factors => None,
        };
        if let Some(height) = told.filter(|_| !leads()) {
            feed.announce(height);
        }
    }
}
