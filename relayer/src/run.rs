use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use relay_core::chain::{BlockFeed, Chain, ChainConfig, FeedConfig};
use relay_core::ring::Verifier;
use relay_core::start::StartError;
use relay_core::telemetry::{AdminServer, Registry};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::block_age;
use crate::books::{Books, Entries};
use crate::budget::Budgets;
use crate::config::Config;
use crate::error::RelayerError;
use crate::heavy::Heavy;
use crate::listener::{Listener, Tls};
use crate::metrics::backend::PoolGauges;
use crate::metrics::{Metrics, Snapshot};
use crate::pipeline::Pipeline;
use crate::recording::Publisher;
use crate::reload::{ConfigFile, Reloader};
use crate::replays::Replays;
use crate::sessions::Sessions;
use crate::start::connect;
use crate::status::Status;
use crate::unfinished::Unfinished;

/// How long the publisher may stand still before the process calls itself unhealthy.
const STALLED: Duration = Duration::from_secs(30);

/// A relayer whose ports are open. It does nothing before [`Relayer::serve`].
#[derive(Debug)]
pub struct Relayer {
    config: Config,
    relays: TcpListener,
    admin: AdminServer,
    books: Arc<Books>,
    registry: Registry,
    metrics: Metrics,
    reloader: Reloader,
    tls: Option<Arc<Tls>>,
}

/// Runs a relayer until `shutdown`, then drains it. A chain or Redis that is away, at start or later, only delays things.
/// Changes of the keys, and those of `file` where there is one, are applied while it runs.
pub async fn run(
    config: Config,
    file: Option<ConfigFile>,
    shutdown: CancellationToken,
) -> Result<Entries, RelayerError> {
    Relayer::bind(config, file).await?.serve(shutdown).await
}

impl Relayer {
    /// Checks the configuration, loads the keys and opens both ports. `file` is where the configuration came from, if that is
    /// to be watched. A directory of keys may still be empty; then the relayer is not ready before there is one.
    pub async fn bind(config: Config, file: Option<ConfigFile>) -> Result<Self, RelayerError> {
        config.check().map_err(StartError::from)?;
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let reloader = Reloader::start(config.clone(), file, &metrics)?;
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        let refuse =
            |error: std::io::Error| RelayerError::Listen { address: config.listen.clone(), reason: error.to_string() };
        let relays = TcpListener::bind(&config.listen).await.map_err(refuse)?;
        let admin = AdminServer::bind(&config.admin).await.map_err(StartError::from)?;
        Ok(Self { config, relays, admin, books: Arc::default(), registry, metrics, reloader, tls })
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

    /// What would be lost if the process ended at once, asked for at any time.
    #[must_use]
    pub fn unfinished(&self) -> Unfinished {
        Unfinished { books: Arc::clone(&self.books), in_flight: self.metrics.in_flight.clone() }
    }

    /// Serves until `shutdown`. Then: readiness off, a delay in which callers hear of it, no more connections, requests in
    /// progress finished, every relay recorded and durable. Gives the books.
    pub async fn serve(self, shutdown: CancellationToken) -> Result<Entries, RelayerError> {
        let Self { config, relays, admin, books, mut registry, metrics, reloader, tls } = self;
        // What must outlive the drain: the feed, the publisher's watch and the administration port.
        let end = CancellationToken::new();
        let _end_on_return = end.clone().drop_guard();
        let (live, report) = (reloader.live(), reloader.report());
        let status = Status::new(&config, Arc::clone(&live), report, Arc::clone(&books), shutdown.clone());
        let chain = Chain::new(&ChainConfig::from(&config.chain)).map_err(StartError::from)?;
        chain.cache_metrics().register(&mut registry);
        let sizes = Arc::clone(&status);
        registry.register_collector(Box::new(Snapshot { books: Arc::clone(&books), sizes: move || sizes.sizes() }));
        let pools = Arc::clone(&status);
        registry.register_collector(Box::new(PoolGauges(move || pools.pools())));
        tokio::spawn(admin.serve(registry, Arc::clone(&status) as _, end.clone()));
        // Nothing changes any more once the drain begins.
        tokio::spawn(reloader.watch(shutdown.clone()));
        info!(
            name = config.name,
            suppliers = live.load().keys.len(),
            services = config.services.len(),
            "relayer starts"
        );

        let feed = BlockFeed::start(chain.clone(), FeedConfig::default(), end.clone());
        let Some(store) = connect(&config, &chain, &feed, &status.stage, &shutdown).await? else {
            return Ok(books.entries());
        };
        chain.share(Arc::new(store.clone()));
        tokio::spawn(relay_core::leader::follow(store.clone(), chain.clone(), feed.clone(), || false, end.clone()));
        let publisher = Publisher::new(store, config.recording.clone(), Arc::clone(&books), metrics.log.clone());
        let beat = status.progress.watch("publisher", STALLED);
        let watching = publisher.clone();
        let watch = tokio::spawn({
            let (feed, end) = (feed.clone(), end.clone());
            async move { watching.keep_watch(feed, beat, end).await }
        });
        let budgets =
            Budgets::new(config.budget.clone(), chain.clone(), feed.clone(), publisher.clone(), metrics.budget.clone());
        let (metered, stop) = (budgets.clone(), end.clone());
        tokio::spawn(async move { metered.keep_watch(stop).await });
        let (oldest, gauges) = (config.max_block_age.0, metrics.validation.clone());
        tokio::spawn(block_age::watch(feed.clone(), oldest, gauges, end.clone()));
        let pipeline = Arc::new(Pipeline {
            live,
            sessions: Sessions::new(chain.clone(), config.limits.lookups),
            chain,
            feed,
            verifier: Arc::new(Verifier::new(config.limits.ring_table_bytes)),
            heavy: Heavy::default(),
            budgets: budgets.clone(),
            replays: Replays::new(config.limits.replays),
            publisher: publisher.clone(),
            books: Arc::clone(&books),
            metrics,
            limits: config.limits.clone(),
        });
        status.serves(Arc::clone(&pipeline));
        info!(name = config.name, "relayer serves");

        let close = CancellationToken::new();
        if let Some(tls) = &tls {
            tokio::spawn(Arc::clone(tls).keep_up(close.clone()));
        }
        let (limits, compression) = (config.limits.clone(), config.response_compression.clone());
        let listener = Listener::new(pipeline, limits, compression, config.websocket.clone(), tls, close.clone());
        let drain = config.drain.deadline.0;
        let serving = tokio::spawn(listener.serve(relays, drain));
        shutdown.cancelled().await;
        info!(name = config.name, "relayer drains");
        tokio::time::sleep(config.drain.delay.0).await;
        close.cancel();
        let deadline = Instant::now() + drain;
        let finished = serving.await.unwrap_or(false);
        budgets.give_back_all().await;
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
