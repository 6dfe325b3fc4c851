//! Connecting, and the checks before anything is written.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use redis::cmd;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::checks::{self, Info, Settings};
use super::copies::Copies;
use super::durability::{Barrier, Syncing};
use super::incarnation::{Looker, sections};
use super::link::{Access, Link, Part};
use super::watcher::Watcher;
use super::{ChainIdentity, Keys, Shared, Store, StoreConfig, StoreError, Warning};
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
        let Found { access, link, nodes } = find(&config).await?;
        let bulk = Arc::new(Link::new(access.clone(), config.bulk_timeout.0));
        let warnings = judge(&link, &nodes)?;
        for warning in &warnings {
            warn!(redis = link.address(), "{warning}");
        }
        let mut syncing = Syncing::Always;
        for Node { part, info, settings } in &nodes {
            let confirms = info.may_confirm() && confirms(&link, part).await;
            syncing = syncing.min(checks::syncing(info, settings, confirms));
        }
        let demanded = nodes.iter().filter_map(|node| node.settings.min_replicas_to_write).max().unwrap_or_default();
        let copies = Copies::new(demanded, nodes.iter().all(|node| node.part != Part::Whole));
        let barrier = Barrier::new(access, config.response_timeout.0, keys.clone(), syncing, config.barrier.0, copies);
        let looker = Looker { link: link.clone(), keys: keys.clone(), chain };
        let watcher = Watcher::start(looker, barrier.clone(), &config, clock).await?;
        info!(redis = link.address(), version = version(&nodes), prefix = config.prefix, "state opened");
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                keys,
                clock,
                link,
                bulk,
                barrier,
                warnings,
                watcher,
                factors: RwLock::default(),
            }),
        })
    }
}

/// A Redis that answers.
pub(super) struct Found {
    access: Arc<Access>,
    pub(super) link: Arc<Link>,
    pub(super) nodes: Vec<Node>,
}

/// One of its servers, and what that says about itself.
pub(super) struct Node {
    part: Part,
    info: Info,
    settings: Settings,
}

/// Waits for all servers, and finds out whether they are a cluster.
pub(super) async fn find(config: &StoreConfig) -> Result<Found, StoreError> {
    let limit = Instant::now() + config.open_timeout.0;
    let mut access = Arc::new(Access::new(config)?);
    let mut link = Arc::new(Link::new(access.clone(), config.response_timeout.0));
    loop {
        let nodes = wait_for(&link, limit).await?;
        let clustered = nodes.iter().any(|node| node.part == Part::Whole && node.info.number("cluster_enabled") == 1);
        match access.as_cluster().filter(|_| clustered) {
            Some(cluster) => {
                access = Arc::new(cluster);
                link = Arc::new(Link::new(access.clone(), config.response_timeout.0));
            }
            None => return Ok(Found { access, link, nodes }),
        }
    }
}

/// The first answers of servers that have loaded their data.
async fn wait_for(link: &Link, limit: Instant) -> Result<Vec<Node>, StoreError> {
    loop {
        match ask(link).await {
            Err(error) if error.is_transient() && Instant::now() < limit => sleep(RETRY).await,
            outcome => return outcome,
        }
    }
}

async fn ask(link: &Link) -> Result<Vec<Node>, StoreError> {
    let mut nodes = Vec::new();
    for part in link.parts().await? {
        let info = sections(link, &part, &["server", "replication", "persistence", "memory", "cluster"]).await?;
        if info.number("loading") == 1 {
            return Err(StoreError::Loading);
        }
        let settings = settings(link, &part).await;
        nodes.push(Node { part, info, settings });
    }
    Ok(nodes)
}

/// What makes one of the servers unfit, or what there is to say about them, each thing once.
pub(super) fn judge(link: &Link, nodes: &[Node]) -> Result<Vec<Warning>, StoreError> {
    let mut warnings: Vec<Warning> = Vec::new();
    for Node { part, info, settings } in nodes {
        let address = || part.address().unwrap_or_else(|| link.address());
        let found =
            checks::judge(info, settings).map_err(|problem| StoreError::Unfit { address: address(), problem })?;
        warnings.extend(found.into_iter().filter(|warning| !warnings.contains(warning)).collect::<Vec<_>>());
    }
    Ok(warnings)
}

/// The oldest of the servers' versions.
pub(super) fn version(nodes: &[Node]) -> String {
    let oldest = nodes.iter().min_by_key(|node| node.info.version());
    oldest.map_or("", |node| node.info.get("redis_version")).to_owned()
}

/// Managed services forbid `CONFIG`; then nothing is known, and the checks say so.
async fn settings(link: &Link, part: &Part) -> Settings {
    Settings {
        appendfsync: setting(link, part, "appendfsync").await,
        min_replicas_to_write: setting(link, part, "min-replicas-to-write").await.and_then(|text| text.parse().ok()),
    }
}

async fn setting(link: &Link, part: &Part, name: &str) -> Option<String> {
    let answer: Result<Vec<String>, _> = link.run_at(part, cmd("CONFIG").arg("GET").arg(name)).await;
    answer.ok()?.into_iter().nth(1)
}

/// Whether the server knows `WAITAOF`; some that claim a recent version do not.
async fn confirms(link: &Link, part: &Part) -> bool {
    link.run_at::<Vec<i64>>(part, cmd("WAITAOF").arg(0).arg(0).arg(1)).await.is_ok()
}
