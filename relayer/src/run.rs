use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use relay_core::address::Address;
use relay_core::chain::{BlockFeed, Chain, ChainConfig, ChainError, FeedConfig};
use relay_core::config::ConfigError;
use relay_core::keys::{KeyRing, KeySource, KeysError};
use relay_core::ring::Verifier;
use relay_core::store::{ChainIdentity, Store, StoreConfig, StoreError};
use relay_core::telemetry::{AdminServer, Registry, TelemetryError};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::backend::BackendError;
use crate::books::{Books, Entries};
use crate::config::Config;
use crate::listener::Listener;
use crate::live::Live;
use crate::metrics::{Metrics, Snapshot};
use crate::pipeline::Pipeline;
use crate::recording::Publisher;
use crate::replays::Replays;
use crate::service;
use crate::sessions::Sessions;
use crate::status::Status;

/// Pause between two attempts to reach the chain or Redis at start.
const RETRY: Duration = Duration::from_millis(500);
/// How long the publisher may stand still before the process calls itself unhealthy.
const STALLED: Duration = Duration::from_secs(30);

/// Why a relayer does not start, or ended badly.
#[derive(Debug, thiserror::Error)]
pub enum RelayerError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys cannot be read.
    #[error("reading the supplier keys: {0}")]
    Keys(#[from] KeysError),
    /// There are none, so no relay could be answered.
    #[error("no supplier key was found; put one into the file or directory that `keys` names")]
    NoKeys,
    /// A backend cannot be used.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The list of nodes cannot be used.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Redis is not fit for use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The administration port cannot be opened.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The relay port cannot be opened.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The configured address.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// Relays were still in progress or unrecorded when the drain ran out of time.
    #[error(
        "the drain ran out of time with {unrecorded} answered relays unrecorded and {spooled_bytes} bytes in progress"
    )]
    Drain {
        /// Answered relays that are lost with this process.
        unrecorded: u64,
        /// Memory of relays that had no answer yet, or whose answer left without a record.
        spooled_bytes: usize,
    },
}

/// A relayer whose ports are open. It does nothing before [`Relayer::serve`].
#[derive(Debug)]
pub struct Relayer {
    config: Config,
    keys: KeyRing,
    relays: TcpListener,
    admin: AdminServer,
    books: Arc<Books>,
}

/// Runs a relayer until `shutdown`, then drains it. A chain or Redis that is away, at start or later, only delays things.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<Entries, RelayerError> {
    Relayer::bind(config).await?.serve(shutdown).await
}

impl Relayer {
    /// Checks the configuration, loads the keys and opens both ports.
    pub async fn bind(config: Config) -> Result<Self, RelayerError> {
        config.check()?;
        let keys = KeySource::from_section(&config.keys).load()?;
        for refused in keys.refused() {
            warn!(file = %refused.path.display(), reason = refused.reason, "a file gives no key");
        }
        if keys.is_empty() {
            return Err(RelayerError::NoKeys);
        }
        let refuse =
            |error: std::io::Error| RelayerError::Listen { address: config.listen.clone(), reason: error.to_string() };
        let relays = TcpListener::bind(&config.listen).await.map_err(refuse)?;
        let admin = AdminServer::bind(&config.admin).await?;
        Ok(Self { config, keys, relays, admin, books: Arc::default() })
    }

    /// Where relays are taken.
    #[must_use]
    pub fn relay_address(&self) -> Option<SocketAddr> {
        self.relays.local_addr().ok()
    }

    /// Where metrics, health, readiness and status are answered.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.local_address()
    }

    /// The suppliers whose keys were loaded.
    pub fn suppliers(&self) -> impl Iterator<Item = &Address> {
        self.keys.addresses()
    }

    /// Serves until `shutdown`. Then: readiness off, a delay in which callers hear of it, no more connections, requests in
    /// progress finished, every relay recorded and durable. Gives the books.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<Entries, RelayerError> {
        let Self { config, keys, relays, admin, books } = self;
        // What must outlive the drain: the feed, the publisher's watch and the administration port.
        let end = CancellationToken::new();
        let _end_on_return = end.clone().drop_guard();
        let status =
            Status::new(config.name.clone(), &keys, config.max_block_age.0, Arc::clone(&books), shutdown.clone());
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let sizes = Arc::clone(&status);
        registry.register_collector(Box::new(Snapshot { books: Arc::clone(&books), sizes: move || sizes.sizes() }));
        tokio::spawn(admin.serve(registry, Arc::clone(&status) as _, end.clone()));
        info!(name = config.name, suppliers = keys.len(), services = config.services.len(), "relayer starts");

        let services = service::build(&config, &metrics.relays)?;
        let chain = Chain::new(&ChainConfig::from(&config.chain))?;
        let feed = BlockFeed::start(chain.clone(), FeedConfig::default(), end.clone());
        let Some(store) = connect(&config, &chain, &feed, &status, &shutdown).await? else {
            return Ok(books.entries());
        };
        let publisher = Publisher::new(store, config.recording.clone(), Arc::clone(&books), metrics.log.clone());
        let beat = status.progress.watch("publisher", STALLED);
        let watching = publisher.clone();
        let watch = tokio::spawn({
            let (feed, end) = (feed.clone(), end.clone());
            async move { watching.keep_watch(feed, beat, end).await }
        });
        let pipeline = Arc::new(Pipeline {
            live: ArcSwap::from_pointee(Live { services, keys }),
            sessions: Sessions::new(chain.clone(), config.limits.lookups),
            chain,
            feed,
            verifier: Verifier::new(config.limits.ring_table_bytes),
            replays: Replays::new(config.limits.replays),
            publisher: publisher.clone(),
            books: Arc::clone(&books),
            metrics,
            limits: config.limits.clone(),
        });
        status.serves(Arc::clone(&pipeline));
        info!(name = config.name, "relayer serves");

        let close = CancellationToken::new();
        let listener = Listener::new(pipeline, config.limits.clone(), close.clone());
        let drain = config.drain.deadline.0;
        let serving = tokio::spawn(listener.serve(relays, drain));
        shutdown.cancelled().await;
        info!(name = config.name, "relayer drains");
        tokio::time::sleep(config.drain.delay.0).await;
        close.cancel();
        let deadline = Instant::now() + drain;
        let finished = serving.await.unwrap_or(false);
        let flushed = publisher.flush(deadline).await;
        end.cancel();
        let _ = watch.await;
        let entries = books.entries();
        if !finished || (!flushed && entries.unrecorded > 0) {
            let (unrecorded, spooled_bytes) = (entries.unrecorded, publisher.spooled_bytes());
            return Err(RelayerError::Drain { unrecorded, spooled_bytes });
        }
        info!(name = config.name, answered = entries.answered, "relayer ends");
        Ok(entries)
    }
}

/// Waits for the chain to say which one it is, for a first block, and for Redis. `None` when told to stop meanwhile.
async fn connect(
    config: &Config,
    chain: &Chain,
    feed: &BlockFeed,
    status: &Status,
    shutdown: &CancellationToken,
) -> Result<Option<Store>, RelayerError> {
    let identity = loop {
        match chain.identity().await {
            Ok(identity) => break identity,
            Err(error @ ChainError::Config { .. }) => return Err(error.into()),
            Err(error) => {
                status.waits_for(format!("waiting for the chain: {error}"));
                warn!(%error, "waiting for the chain");
            }
        }
        if pause(shutdown).await {
            return Ok(None);
        }
    };
    let store = loop {
        match Store::open(store_config(config), ChainIdentity::from(&identity)).await {
            Ok(store) => break store,
            Err(error) if error.is_transient() => {
                status.waits_for(format!("waiting for Redis: {error}"));
                warn!(%error, "waiting for Redis");
            }
            Err(error) => return Err(error.into()),
        }
        if pause(shutdown).await {
            return Ok(None);
        }
    };
    status.waits_for("waiting for a block".to_owned());
    tokio::select! {
        () = shutdown.cancelled() => Ok(None),
        _ = feed.reached(relay_core::units::Height(1)) => Ok(Some(store)),
    }
}

fn store_config(config: &Config) -> StoreConfig {
    StoreConfig {
        url: config.redis.url.clone(),
        prefix: config.redis.prefix.clone(),
        confirm_after: config.recording.durable_after,
        // Short, so that a shutdown during the wait is noticed; the loop around it goes on.
        open_timeout: relay_core::config::Period::from_secs(2),
        ..StoreConfig::default()
    }
}

/// `true` when told to stop.
async fn pause(shutdown: &CancellationToken) -> bool {
    tokio::select! {
        () = shutdown.cancelled() => true,
        () = tokio::time::sleep(RETRY) => false,
    }
}
