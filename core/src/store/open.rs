//! Connecting, and the checks before anything is written.

use std::sync::Arc;
use std::time::Duration;

use redis::cmd;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::checks::{self, Info, Settings};
use super::durability::Barrier;
use super::incarnation::{Looker, sections};
use super::link::{Access, Link};
use super::watcher::Watcher;
use super::{ChainIdentity, Keys, Shared, Store, StoreConfig, StoreError};
use crate::clock::Clock;

const RETRY: Duration = Duration::from_millis(250);

impl Store {
    /// Connects, and refuses a Redis that would cost relays: too old, evicting, a replica, or another chain's.
    ///
    /// Waits up to `open_timeout` for a Redis that is away or still loads its data. Takes time from
    /// [`Clock::from_environment`]. What is only unwise is in [`Store::warnings`], and in the log.
    pub async fn open(config: StoreConfig, chain: ChainIdentity) -> Result<Self, StoreError> {
        Self::open_with_clock(config, chain, Clock::from_environment()?).await
    }

    /// Like [`Store::open`], with this clock.
    pub async fn open_with_clock(config: StoreConfig, chain: ChainIdentity, clock: Clock) -> Result<Self, StoreError> {
        let keys = Keys::new(&config.prefix)?;
        let access = Arc::new(Access::new(&config)?);
        let link = Arc::new(Link::new(access.clone(), config.response_timeout.0));
        let bulk = Arc::new(Link::new(access.clone(), config.bulk_timeout.0));

        let info = wait_for(&link, config.open_timeout.0).await?;
        let settings = settings(&link).await;
        let unfit = |problem| StoreError::Unfit { address: link.address(), problem };
        let warnings = checks::judge(&info, &settings).map_err(unfit)?;
        for warning in &warnings {
            warn!(redis = link.address(), "{warning}");
        }
        let syncing = checks::syncing(&info, &settings, info.may_confirm() && confirms(&link).await);
        let barrier = Barrier::new(access, config.response_timeout.0, keys.clone(), syncing, config.barrier.0);
        let looker = Looker { link: link.clone(), keys: keys.clone(), chain };
        let watcher = Watcher::start(looker, barrier.clone(), &config, clock).await?;
        info!(redis = link.address(), version = info.get("redis_version"), prefix = config.prefix, "state opened");
        Ok(Self { shared: Arc::new(Shared { config, keys, clock, link, bulk, barrier, warnings, watcher }) })
    }
}

/// The first answer of a server that has loaded its data.
pub(super) async fn wait_for(link: &Link, patience: Duration) -> Result<Info, StoreError> {
    let limit = Instant::now() + patience;
    loop {
        let outcome = match sections(link, &["server", "replication", "persistence", "memory", "cluster"]).await {
            Ok(info) if info.number("loading") == 1 => Err(StoreError::Loading),
            outcome => outcome,
        };
        match outcome {
            Err(error) if error.is_transient() && Instant::now() < limit => sleep(RETRY).await,
            outcome => return outcome,
        }
    }
}

/// Managed services forbid `CONFIG`; then nothing is known, and the checks say so.
pub(super) async fn settings(link: &Link) -> Settings {
    Settings {
        appendfsync: setting(link, "appendfsync").await,
        min_replicas_to_write: setting(link, "min-replicas-to-write").await.and_then(|text| text.parse().ok()),
    }
}

async fn setting(link: &Link, name: &str) -> Option<String> {
    let answer: Result<Vec<String>, _> = link.run(cmd("CONFIG").arg("GET").arg(name)).await;
    answer.ok()?.into_iter().nth(1)
}

/// Whether the server knows `WAITAOF`; some that claim a recent version do not.
async fn confirms(link: &Link) -> bool {
    link.run::<Vec<i64>>(cmd("WAITAOF").arg(0).arg(0).arg(1)).await.is_ok()
}
