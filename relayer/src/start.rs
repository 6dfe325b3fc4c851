//! Before the first relay: what a relayer waits for.

use std::time::Duration;

use relay_core::chain::{BlockFeed, Chain, ChainError, Identity};
use relay_core::store::{ChainIdentity, Store, StoreConfig};
use relay_core::units::Height;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::config::Config;
use crate::error::RelayerError;
use crate::status::Status;

/// Pause between two attempts to reach the chain or Redis.
const RETRY: Duration = Duration::from_millis(500);

/// Waits for the chain to say which one it is, for Redis, and for a first block. `None` when told to stop meanwhile, at once.
pub(crate) async fn connect(
    config: &Config,
    chain: &Chain,
    feed: &BlockFeed,
    status: &Status,
    shutdown: &CancellationToken,
) -> Result<Option<Store>, RelayerError> {
    let connecting = async {
        let identity = identity(chain, status).await?;
        let store = store(config, &ChainIdentity::from(&identity), status).await?;
        status.waits_for("waiting for a block".to_owned());
        // An error means that the feed has ended, and then so have we.
        let _ = feed.reached(Height(1)).await;
        Ok(store)
    };
    tokio::select! {
        () = shutdown.cancelled() => Ok(None),
        outcome = connecting => outcome.map(Some),
    }
}

async fn identity(chain: &Chain, status: &Status) -> Result<Identity, RelayerError> {
    loop {
        match chain.identity().await {
            Ok(identity) => return Ok(identity),
            Err(error @ ChainError::Config { .. }) => return Err(error.into()),
            Err(error) => {
                status.waits_for(format!("waiting for the chain: {error}"));
                warn!(%error, "waiting for the chain");
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn store(config: &Config, chain: &ChainIdentity, status: &Status) -> Result<Store, RelayerError> {
    loop {
        match Store::open(store_config(config), chain.clone()).await {
            Ok(store) => return Ok(store),
            Err(error) if error.is_transient() => {
                status.waits_for(format!("waiting for Redis: {error}"));
                warn!(%error, "waiting for Redis");
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        url: config.redis.url.clone(),
        prefix: config.redis.prefix.clone(),
        confirm_after: config.recording.durable_after,
        // Short, so that `/ready` soon says what is waited for; the loop around it goes on.
        open_timeout: relay_core::config::Period::from_secs(2),
        ..StoreConfig::default()
    }
}
