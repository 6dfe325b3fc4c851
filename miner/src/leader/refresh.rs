//! Keeps what the pool uses fresh: one process asks the chain, past all caches, and the others are told of what changed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use relay_core::chain::ChainError;
use relay_core::units::Height;
use tracing::{debug, warn};

use super::{DutyError, Term};

/// Answers that are asked for side by side.
const ABREAST: usize = 8;
/// What is not refreshed after this long waits for the next block.
const LIMIT: Duration = Duration::from_secs(30);

pub(super) async fn refresh(term: Arc<Term>) -> Result<(), DutyError> {
    let (feed, metrics) = (&term.realm.feed, &term.realm.metrics.cache);
    let every = i64::from(term.realm.leader.refresh_blocks);
    let mut due = Height(1);
    loop {
        let now = feed.reached(due).await?.height;
        let began = Instant::now();
        let outcome = tokio::time::timeout(LIMIT, all(&term)).await;
        let is_whole = matches!(outcome, Ok(Ok(0)));
        metrics.refreshed(is_whole, began.elapsed());
        match outcome {
            Ok(Err(error)) => return Err(error),
            Ok(Ok(0)) => {}
            Ok(Ok(failed)) => debug!(failed, "some shared answers could not be refreshed"),
            Err(_) => warn!("the shared answers could not all be refreshed in time"),
        }
        // What failed is tried again with the next block, not some blocks later.
        due = now + if is_whole { every } else { 1 };
    }
}

/// Returns how many could not be refreshed.
async fn all(term: &Arc<Term>) -> Result<usize, DutyError> {
    let names = term.realm.store.cached_names().await?;
    let mut tasks = futures::stream::iter(names).map(|name| one(Arc::clone(term), name)).buffer_unordered(ABREAST);
    let mut failed = 0;
    while let Some(outcome) = tasks.next().await {
        match outcome {
            Ok(()) => {}
            Err(DutyError::Chain(_)) => failed += 1,
            Err(error) => return Err(error),
        }
    }
    Ok(failed)
}

async fn one(term: Arc<Term>, name: String) -> Result<(), DutyError> {
    let store = &term.realm.store;
    match term.realm.chain.renewed(&name).await {
        Ok(Some(answer)) => store.put_cached(&term.token, &name, &answer).await.map(|_| ())?,
        // Of a kind that another release shares.
        Ok(None) => {}
        Err(ChainError::NotFound { .. }) => store.drop_cached(&term.token, &name).await.map(|_| ())?,
        Err(error) => {
            debug!(name, %error, "could not be refreshed");
            return Err(error.into());
        }
    }
    Ok(())
}
