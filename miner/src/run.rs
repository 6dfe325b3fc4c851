use std::sync::Arc;
use std::time::Duration;

use relay_core::chain::{BlockFeed, Chain, ChainConfig, ChainError, FeedConfig, Identity};
use relay_core::clock::{Clock, SkewError};
use relay_core::config::ConfigError;
use relay_core::keys::{KeySource, KeysError};
use relay_core::ring::Verifier;
use relay_core::store::{ChainIdentity, InstanceId, Store, StoreConfig, StoreError};
use relay_core::telemetry::{AdminServer, Progress, TelemetryError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::leader::{Leader, Realm};
use crate::metrics::Metrics;
use crate::owner::Surroundings;
use crate::ownership::{Keys, Ownership};
use crate::probes::{MinerProbes, Stage};
use crate::status::StatusBoard;
use crate::submission::GasPolicy;

/// Memory for ring tables. A miner verifies one relay a proof, so it needs few.
const VERIFIER_BYTES: usize = 4 << 20;

/// Pause between two attempts to reach the chain or Redis at start.
const RETRY: Duration = Duration::from_secs(1);

/// How long lease rounds may stand still before the process calls itself unhealthy.
const STALLED: Duration = Duration::from_mins(1);

/// Why a miner did not start.
#[derive(Debug, thiserror::Error)]
pub enum MinerError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys cannot be read.
    #[error("reading the supplier keys: {0}")]
    Keys(#[from] KeysError),
    /// The list of nodes cannot be used.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Redis is not fit for use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The administration port cannot be opened.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Work did not end within the time that a hand-over may take.
    #[error("{0} suppliers could not be handed over in time; other miners take them when their leases run out")]
    Abandoned(usize),
    /// The test clock is set wrongly.
    #[error(transparent)]
    Clock(#[from] SkewError),
}

/// Runs a miner until told to stop. A chain or Redis that is away, at start or later, only delays things.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), MinerError> {
    config.check()?;
    let clock = Clock::from_environment()?;
    let ring = KeySource::from_section(&config.keys).load()?;
    info!(name = config.name, suppliers = ring.len(), "miner starts");

    let chain = Chain::new(&ChainConfig::from(&config.chain))?;
    let feed = BlockFeed::start(chain.clone(), FeedConfig::default(), stop.child_token());

    let (board, progress, stage) = (StatusBoard::default(), Progress::default(), Stage::default());
    let mut registry = prometheus_client::registry::Registry::default();
    let metrics = Metrics::register(&mut registry);
    let probes = MinerProbes::new(config.name.clone(), feed.clone(), board.clone(), progress.clone(), stage.clone());
    let admin = AdminServer::bind(&config.admin).await?;
    let admin = tokio::spawn(admin.serve(registry, Arc::new(probes), stop.child_token()));

    let Some((store, identity)) = connect(&config, &chain, &clock, &stage, &stop).await? else { return Ok(()) };
    stage.works();
    let incarnation = store.watch_incarnation();
    let (_keys, ring) = watch::channel(Arc::new(ring));
    let instance = InstanceId::random();
    let realm = Realm {
        store: store.clone(),
        chain: chain.clone(),
        feed: feed.clone(),
        metrics: metrics.clone(),
        ring: ring.clone(),
        leader: config.leader.clone(),
        monitors: config.monitors.clone(),
    };
    let leader = Leader::new(realm, &config.name, instance.clone());
    let tenure = leader.tenure();
    let leads = move || tenure.borrow().redis.is_some();
    tokio::spawn(relay_core::leader::follow(store.clone(), feed.clone(), leads, stop.child_token()));
    let leader = tokio::spawn(leader.run(stop.clone()));
    let around = Arc::new(Surroundings {
        store,
        chain,
        feed,
        clock,
        metrics,
        board,
        verifier: Verifier::new(VERIFIER_BYTES),
        largest_relay: config.transactions.max_relay_bytes,
        max_messages: config.transactions.max_messages,
    });
    let gas = GasPolicy { price: config.transactions.gas_price, adjustment: config.transactions.gas_adjustment };
    let keys = Keys { name: config.name, ring, chain_id: identity.chain_id, gas };
    let beat = progress.watch("leases", STALLED);
    let ended = Ownership::new(around, keys, config.leases, instance).run(incarnation, beat, stop).await;
    if let Err(error) = leader.await {
        warn!(%error, "the leader's task failed");
    }
    admin.abort();
    info!("miner ends");
    match ended.abandoned {
        0 => Ok(()),
        abandoned => Err(MinerError::Abandoned(abandoned)),
    }
}

/// Waits for the chain to say which one it is, and for Redis to be there. `None` when told to stop meanwhile.
async fn connect(
    config: &Config,
    chain: &Chain,
    clock: &Clock,
    stage: &Stage,
    stop: &CancellationToken,
) -> Result<Option<(Store, Identity)>, MinerError> {
    let identity = loop {
        match chain.identity().await {
            Ok(identity) => break identity,
            Err(error) => {
                stage.waits_for(format!("the chain: {error}"));
                warn!(%error, "waiting for the chain");
            }
        }
        if pause(stop).await {
            return Ok(None);
        }
    };
    let store_config = StoreConfig {
        url: config.redis.url.clone(),
        prefix: config.redis.prefix.clone(),
        lease: config.leases.ttl,
        ..StoreConfig::default()
    };
    loop {
        match Store::open_with_clock(store_config.clone(), ChainIdentity::from(&identity), *clock).await {
            Ok(store) => return Ok(Some((store, identity))),
            Err(error) if error.is_transient() => {
                stage.waits_for(format!("Redis: {error}"));
                warn!(%error, "waiting for Redis");
            }
            Err(error) => return Err(error.into()),
        }
        if pause(stop).await {
            return Ok(None);
        }
    }
}

/// Whether it is time to stop, known after a pause at the latest.
async fn pause(stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => true,
        () = tokio::time::sleep(RETRY) => false,
    }
}
