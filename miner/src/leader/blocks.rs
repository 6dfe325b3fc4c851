//! Tells the fleet of each block. What was missed while nobody led is filled in.

use std::sync::Arc;

use relay_core::store::FedBlock;
use relay_core::units::Height;

use super::{DutyError, Term};

/// Missed blocks that are filled in at most; a reader that needs older ones asks the chain.
const MOST_MISSED: i64 = 128;
const BLOCKS_A_WRITE: usize = 16;

pub(super) async fn feed(term: Arc<Term>) -> Result<(), DutyError> {
    let (store, feed) = (&term.realm.store, &term.realm.feed);
    let latest = feed.reached(Height(1)).await?.height;
    let known = store.newest_block().await?.map_or(latest - 1, |block| block.height);
    let mut last = known.max(latest - MOST_MISSED);
    loop {
        let mut blocks = vec![FedBlock::from(&feed.next_after(last).await?)];
        last = last + 1;
        while last < feed.height() && blocks.len() < BLOCKS_A_WRITE {
            blocks.push(FedBlock::from(&feed.next_after(last).await?));
            last = last + 1;
        }
        let told = store.put_blocks(&term.token, &blocks).await?;
        term.realm.metrics.cache.published(told);
    }
}
