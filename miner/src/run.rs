use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use relay_core::chain::{BlockFeed, Chain, ChainConfig, FeedConfig};
use relay_core::clock::{Clock, SkewError};
use relay_core::config::Period;
use relay_core::keys::{KeyMetrics, KeySource, follow};
use relay_core::ring::Verifier;
use relay_core::start::{Stage, StartError, connect};
use relay_core::store::{InstanceId, StoreConfig};
use relay_core::telemetry::{AdminServer, Progress, Registry};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::config::Config;
use crate::health;
use crate::intake;
use crate::leader::{Leader, Realm, memory};
use crate::metrics::Metrics;
use crate::owner::Surroundings;
use crate::ownership::{Keys, Ownership};
use crate::probes::{Identity, MinerProbes};
use crate::status::StatusBoard;
use crate::submission::{Executions, LimitBook, LiveParams};

/// Memory for ring tables. A miner verifies one relay a proof, so it needs few.
const VERIFIER_BYTES: usize = 4 << 20;

/// How long lease rounds may stand still before the process calls itself unhealthy.
const STALLED: Duration = Duration::from_mins(1);

/// Why a miner did not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum MinerError {
    /// What any role needs is missing or wrong.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The test clock is set wrongly.
    #[error(transparent)]
    Clock(#[from] SkewError),
    /// Work did not end within the time that a shutdown may take.
    #[error("{0} suppliers could not be handed over in time; other miners take them when their leases run out")]
    Abandoned(usize),
}

/// A miner whose administration port is open. It does nothing before [`Miner::serve`].
#[derive(Debug)]
pub struct Miner {
    config: Config,
    clock: Clock,
    admin: AdminServer,
    board: StatusBoard,
    /// SHA-256 of the file that the configuration came from, for the operator.
    config_hash: Option<String>,
}

/// Runs a miner until told to stop. A chain or Redis that is away, at start or later, only delays things.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), MinerError> {
    Box::pin(Miner::bind(config, None).await?.serve(stop)).await
}

impl Miner {
    /// Checks the configuration and opens the administration port.
    pub async fn bind(config: Config, config_hash: Option<String>) -> Result<Self, MinerError> {
        config.check().map_err(StartError::from)?;
        let clock = Clock::from_environment()?;
        let admin = AdminServer::bind(&config.admin).await.map_err(StartError::from)?;
        Ok(Self { config, clock, admin, board: StatusBoard::default(), config_hash })
    }

    /// Where metrics, health, readiness and status are answered.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.local_address()
    }

    /// What `/status` shows of owned suppliers, asked for at any time.
    #[must_use]
    pub fn board(&self) -> StatusBoard {
        self.board.clone()
    }

    /// Works until `stop`. Then: readiness off, no more claims and proofs, all suppliers handed over, all within the configured
    /// deadline. Without keys it waits for some.
    pub async fn serve(self, stop: CancellationToken) -> Result<(), MinerError> {
        let Self { config, clock, admin, board, config_hash } = self;
        // What must outlive the hand-over: the feed and the administration port.
        let end = CancellationToken::new();
        let _end_on_return = end.clone().drop_guard();
        let instance = InstanceId::random();
        info!(name = config.name, instance = instance.as_str(), "miner starts");

        let chain = Chain::new(&ChainConfig::from(&config.chain)).map_err(StartError::from)?;
        let feed = BlockFeed::start(chain.clone(), FeedConfig::default(), end.clone());
        let (progress, stage, mut registry) = (Progress::default(), Stage::default(), Registry::default());
        let (metrics, key_metrics) = (Metrics::register(&mut registry), KeyMetrics::register(&mut registry));
        chain.cache_metrics().register(&mut registry);
        let source = KeySource::from_section(&config.keys);
        let beat = progress.watch("keys", STALLED);
        let keys = follow(source, config.hot_reload, key_metrics, beat, stop.clone()).await;
        let who = Identity { name: config.name.clone(), instance: instance.clone(), config_hash };
        let probes = Arc::new(MinerProbes {
            store: OnceLock::new(),
            who,
            feed: feed.clone(),
            board: board.clone(),
            progress: progress.clone(),
            stage: stage.clone(),
            keys: keys.clone(),
            draining: stop.clone(),
        });
        tokio::spawn(admin.serve(registry, Arc::clone(&probes) as _, end.clone()));
        health::watch_feed(&progress, chain.clone(), feed.clone(), end.clone());

        let connected = connect(&chain, store_config(&config), clock, &stage, &stop).await?;
        let Some((store, identity)) = connected else { return Ok(()) };
        stage.works();
        let _ = probes.store.set(store.clone());
        let incarnation = store.watch_incarnation();
        let realm = Realm {
            store: store.clone(),
            chain: chain.clone(),
            feed: feed.clone(),
            metrics: metrics.clone(),
            board: board.clone(),
            ring: keys.ring.clone(),
            leader: config.leader.clone(),
            monitors: config.monitors.clone(),
        };
        chain.share(Arc::new(store.clone()));
        let (memory, gauges) = (config.monitors.redis_memory.clone(), metrics.monitors.memory.clone());
        tokio::spawn(memory::watch(store.clone(), memory, gauges, end.clone()));
        let leader = Leader::new(realm, &config.name, instance.clone());
        let tenure = leader.tenure();
        let leads = move || tenure.borrow().redis.is_some();
        tokio::spawn(relay_core::leader::follow(store.clone(), chain.clone(), feed.clone(), leads, end.clone()));
        let leader = tokio::spawn(leader.run(stop.clone()));
        let beat = progress.watch("leases", STALLED);
        let (heads, gate) = intake::start(&config.intake, &store, &metrics.intake, &progress, &end);
        let around = Arc::new(Surroundings {
            store,
            chain,
            feed,
            clock,
            metrics,
            board: board.clone(),
            progress,
            heads,
            gate,
            verifier: Verifier::new(VERIFIER_BYTES),
            largest_relay: config.transactions.max_relay_bytes,
            limits: LimitBook::new(config.transactions.max_messages, config.transactions.max_bytes),
            executions: Executions::default(),
            params: LiveParams::default(),
            profitability: config.transactions.profitability.clone(),
            settlement_patience: config.transactions.settlement_patience,
        });
        let gas = config.transactions.gas_policy();
        let wallets = Keys { name: config.name.clone(), ring: keys.ring, chain_id: identity.chain_id, gas };
        let ownership = Ownership::new(around, wallets, config.leases, instance).run(incarnation, beat, stop.clone());
        let deadline = config.shutdown.deadline;
        let out_of_time = async {
            stop.cancelled().await;
            info!(deadline = %deadline, suppliers = board.suppliers(), "miner ends: suppliers are handed over");
            tokio::time::sleep(deadline.0).await;
        };
        let working = async {
            let ended = ownership.await;
            info!("miner ends: the leader's duties are given up");
            if let Err(error) = leader.await {
                warn!(%error, "the leader's task failed");
            }
            ended.abandoned
        };
        let abandoned = tokio::select! {
            abandoned = working => abandoned,
            () = out_of_time => {
                warn!("the time for the shutdown is over");
                board.suppliers().max(1)
            }
        };
        if abandoned > 0 {
            return Err(MinerError::Abandoned(abandoned));
        }
        info!("miner ends: nothing is left");
        Ok(())
    }
}

pub(crate) fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        lease: config.leases.ttl,
        // Short, so that `/ready` soon says what is waited for; the loop around it goes on.
        open_timeout: Period::from_secs(2),
        ..StoreConfig::from(&config.redis)
    }
}
