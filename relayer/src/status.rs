//! What the administration port tells about a relayer.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use relay_core::start::Stage;
use relay_core::telemetry::{Probes, Progress, Readiness};
use relay_core::units::Height;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::books::Books;
use crate::config::Config;
use crate::live::Live;
use crate::metrics::backend::PoolView;
use crate::pipeline::Pipeline;
use crate::reload::Report;
use crate::service_health::{Viewer, health};

/// Answers from the moment the process starts, also while the relayer waits for its chain and its Redis.
pub(crate) struct Status {
    name: String,
    max_block_age: Duration,
    live: Arc<ArcSwap<Live>>,
    reloads: Arc<Report>,
    books: Arc<Books>,
    pub(crate) progress: Progress,
    draining: CancellationToken,
    /// What is waited for before the first relay.
    pub(crate) stage: Stage,
    serving: OnceLock<Arc<Pipeline>>,
}

impl Status {
    pub(crate) fn new(
        config: &Config,
        live: Arc<ArcSwap<Live>>,
        reloads: Arc<Report>,
        books: Arc<Books>,
        draining: CancellationToken,
    ) -> Arc<Self> {
        let (name, max_block_age) = (config.name.clone(), config.max_block_age.0);
        let (progress, stage, serving) = (Progress::default(), Stage::default(), OnceLock::new());
        Arc::new(Self { name, max_block_age, live, reloads, books, progress, draining, stage, serving })
    }

    /// Call it once.
    pub(crate) fn serves(&self, pipeline: Arc<Pipeline>) {
        let _ = self.serving.set(pipeline);
        self.stage.works();
    }

    fn pipeline(&self) -> Option<&Arc<Pipeline>> {
        self.serving.get()
    }

    /// Height, bytes in the spool, bytes retained; zero before it serves.
    pub(crate) fn sizes(&self) -> (i64, usize, usize) {
        self.pipeline().map_or((0, 0, 0), |pipeline| {
            let publisher = &pipeline.publisher;
            (pipeline.feed.height().0, publisher.spooled_bytes(), publisher.retained_bytes())
        })
    }
}

impl Status {
    /// The pools of all services; none before it serves.
    pub(crate) fn pools(&self) -> Vec<PoolView> {
        let Some(pipeline) = self.pipeline() else { return Vec::new() };
        let live = pipeline.live.load();
        let pools = live.services.values().flat_map(|service| service.pools.values());
        pools.map(|pool| pool.view()).collect()
    }
}

impl Probes for Status {
    fn stalled(&self) -> Vec<String> {
        self.progress.stalled()
    }

    fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        let live = self.live.load();
        let (keys, refused) = (live.keys.len(), live.keys.refused().len());
        readiness.check("keys", keys > 0, format!("{keys} loaded, {refused} files refused"));
        if self.draining.is_cancelled() {
            readiness.check("drain", false, "shutting down");
        }
        let Some(pipeline) = self.pipeline() else {
            readiness.check("start", false, self.stage.waiting().unwrap_or_default());
            return readiness;
        };
        let reachable = pipeline.publisher.store().is_reachable();
        readiness.check("redis", reachable, if reachable { "answers" } else { "does not answer" });
        let (height, age) = (pipeline.feed.height(), pipeline.feed.since_last());
        let fresh = height.0 > 0 && age <= self.max_block_age;
        readiness.check("chain", fresh, format!("height {height}, newest block seen {} s ago", age.as_secs()));
        let stalled = self.progress.stalled();
        let moves = if stalled.is_empty() { "moves".to_owned() } else { stalled.join(", ") };
        readiness.check("publisher", stalled.is_empty(), moves);
        let healthy = live.services.values().filter(|service| service.is_healthy()).count();
        let all = live.services.len();
        readiness.check("backends", healthy > 0, format!("{healthy} of {all} services have a healthy backend"));
        readiness
    }

    fn part(&self, name: &str) -> Option<(u16, Value)> {
        let height = self.pipeline().map_or(Height(0), |pipeline| pipeline.feed.height());
        let (status, body) = health(&self.live.load(), name, height, Viewer::Operator);
        Some((status.as_u16(), body))
    }

    fn status(&self) -> Value {
        let entries = self.books.entries();
        let (height, spooled, retained) = self.sizes();
        let (live, reloads) = (self.live.load(), self.reloads.get());
        let mut services: Vec<_> = live.services.iter().collect();
        services.sort_unstable_by_key(|(id, _)| *id);
        let budgets = self.pipeline().map(|pipeline| pipeline.budgets.overview()).unwrap_or_default();
        let services: Vec<Value> = services
            .iter()
            .map(|(id, service)| {
                let budget = budgets.get(&service.label).cloned().unwrap_or_default();
                json!({ "id": id, "healthy": service.is_healthy(), "budget": budget })
            })
            .collect();
        json!({
            "role": "relayer",
            "name": self.name,
            "version": env!("CARGO_PKG_VERSION"),
            "ready": self.readiness(),
            "height": height,
            "keys": live.keys.len(),
            // A hash over the addresses of the loaded keys, by which the operator sees that a change has arrived.
            "keysFingerprint": hex::encode(live.keys.fingerprint()),
            "keysRefused": reloads.keys_refused,
            "configHash": reloads.config_hash,
            "configRefused": reloads.config_refused,
            "needsRestart": reloads.needs_restart,
            "services": services,
            "books": entries,
            "unexplained": i64::try_from(entries.unexplained()).unwrap_or(i64::MAX),
            "spooledBytes": spooled,
            "retainedBytes": retained,
        })
    }
}
