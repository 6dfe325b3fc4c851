//! Before the first relay: what a relayer waits for.

use relay_core::chain::{BlockFeed, Chain};
use relay_core::clock::Clock;
use relay_core::config::Period;
use relay_core::start::{self, Stage, StartError};
use relay_core::store::{Store, StoreConfig, StoreError};
use relay_core::units::Height;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Waits for the chain to say which one it is, for Redis, and for a first block. `None` when told to stop meanwhile, at once.
pub(crate) async fn connect(
    config: &Config,
    chain: &Chain,
    feed: &BlockFeed,
    stage: &Stage,
    shutdown: &CancellationToken,
) -> Result<Option<Store>, StartError> {
    let clock = Clock::from_environment().map_err(StoreError::from)?;
    let connected = start::connect(chain, store_config(config), clock, stage, shutdown).await?;
    let Some((store, _)) = connected else { return Ok(None) };
    stage.waits_for("waiting for a block");
    tokio::select! {
        () = shutdown.cancelled() => Ok(None),
        // An error means that the feed has ended, and then so have we.
        _ = feed.reached(Height(1)) => Ok(Some(store)),
    }
}

fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        confirm_after: config.recording.durable_after,
        // Short, so that `/ready` soon says what is waited for; the loop around it goes on.
        open_timeout: Period::from_secs(2),
        ..StoreConfig::from(&config.redis)
    }
}
