use std::sync::Arc;

use arc_swap::ArcSwap;
use relay_core::config::ConfigError;
use relay_core::keys::{Care, KeyRing, KeySource, KeyWatch, KeysError};
use relay_core::start::StartError;
use relay_core::telemetry::{TelemetryError, log_level};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::file::{ConfigFile, usual_interval};
use super::plan;
use super::report::{Refused, Report};
use crate::backend::BackendError;
use crate::config::{Config, Loaded};
use crate::error::RelayerError;
use crate::live::Live;
use crate::metrics::{Metrics, Reloads};
use crate::service::{self, Means};
use crate::simulation::Simulation;

/// Why a new configuration is not applied.
#[derive(Debug, thiserror::Error)]
enum Objection {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    Backend(#[from] BackendError),
    #[error(transparent)]
    Level(#[from] TelemetryError),
}

/// Looks at files and applies what has changed. The only writer of [`Live`].
#[derive(Debug)]
pub(crate) struct Reloader {
    /// What is in force.
    config: Config,
    file: Option<ConfigFile>,
    keys: KeyWatch,
    means: Means,
    live: Arc<ArcSwap<Live>>,
    report: Arc<Report>,
    metrics: Reloads,
    /// Why secrets of backends were refused, until they are not.
    secrets_refused: Option<String>,
}

impl Reloader {
    /// Builds everything once. The relayer starts with it, or not at all.
    pub(crate) fn start(config: Config, file: Option<ConfigFile>, metrics: &Metrics) -> Result<Self, RelayerError> {
        let (ring, keys) =
            KeyWatch::start(KeySource::from_section(&config.keys), Care::AT_ONCE).map_err(StartError::from)?;
        tell(&ring);
        let means = Means::new(metrics)?;
        let services = service::build(&config, &means, None)?;
        let simulation = Simulation::new(&config.simulation, None).map_err(StartError::from)?;
        warn_of(&config);
        let live = Arc::new(ArcSwap::from_pointee(Live { services, keys: ring, simulation }));
        let report = Arc::<Report>::default();
        report.lock().config_hash = file.as_ref().map(ConfigFile::hash);
        Ok(Self { config, file, keys, means, live, report, metrics: metrics.reloads.clone(), secrets_refused: None })
    }

    /// What is in force, now and later.
    pub(crate) fn live(&self) -> Arc<ArcSwap<Live>> {
        Arc::clone(&self.live)
    }

    /// How far changes have come.
    pub(crate) fn report(&self) -> Arc<Report> {
        Arc::clone(&self.report)
    }

    /// Applies changes until `stop`.
    pub(crate) async fn watch(mut self, stop: CancellationToken) {
        let every = self.file.as_ref().map_or_else(usual_interval, ConfigFile::interval).0;
        // Without it the intervals remain.
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            let asked = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(every) => {}
                _ = asked => info!("told to look for changes"),
            }
            let looking = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            // It panics only if we do; then what is in force stays so.
            let Ok(same) = looking.await else { return };
            self = same;
        }
    }

    fn look(&mut self) {
        if let Some(file) = &mut self.file
            && let Some(change) = file.look()
        {
            let hash = change.as_ref().ok().map(|content| content.hash.clone());
            let new = change.and_then(|content| Ok((file.parse(&content.text)?, content.hash)));
            match new.map_err(Objection::from).and_then(|(new, hash)| self.apply(&new, hash)) {
                Ok(()) => self.metrics.config_applied(),
                Err(objection) => {
                    self.metrics.config_refused();
                    warn!(reason = %objection, "a new configuration is refused; the last one stays in force");
                    self.report.lock().config_refused = Some(Refused { hash, reason: objection.to_string() });
                }
            }
        }
        self.look_at_secrets();
        let look = self.keys.look();
        if let Some(ring) = look.ring {
            self.metrics.keys_applied();
            self.replace(&ring);
        }
        for (_, error) in look.failed {
            self.metrics.keys_refused();
            warn!(%error, "new keys are refused; the last ones of this source stay in force");
        }
        let troubles: Vec<&str> = self.keys.troubles().collect();
        self.report.lock().keys_refused = (!troubles.is_empty()).then(|| troubles.join("; "));
    }

    /// What nodes want to see of us stands in files of its own, which change without the configuration.
    fn look_at_secrets(&mut self) {
        let before = self.live.load_full();
        match service::build(&self.config, &self.means, Some((&self.config, &before.services))) {
            Ok(services) => {
                self.secrets_refused = None;
                if services
                    .iter()
                    .any(|(id, service)| !before.services.get(id).is_some_and(|old| Arc::ptr_eq(old, service)))
                {
                    let (keys, simulation) = (before.keys.clone(), before.simulation.clone());
                    self.live.store(Arc::new(Live { services, keys, simulation }));
                    info!("new secrets of backends are in force");
                }
            }
            Err(error) => {
                let reason = Some(error.to_string());
                if self.secrets_refused != reason {
                    warn!(%error, "new secrets of backends are refused; the last ones stay in force");
                    self.secrets_refused = reason;
                }
            }
        }
    }

    /// All of it, or nothing.
    fn apply(&mut self, loaded: &Loaded, hash: String) -> Result<(), Objection> {
        let new = &loaded.config;
        new.logs.check()?;
        let needs_restart = plan::needs_restart(&self.config, new);
        let next = plan::in_force(&self.config, new);
        next.check()?;
        let before = self.live.load_full();
        let services = service::build(&next, &self.means, Some((&self.config, &before.services)))?;
        let simulation = Simulation::new(&next.simulation, Some(&before.simulation))?;
        let new_keys = if next.keys == self.config.keys {
            None
        } else {
            Some(KeyWatch::start(KeySource::from_section(&next.keys), Care::AT_ONCE)?)
        };
        if next.logs.level != self.config.logs.level
            && let Some(level) = log_level()
        {
            level.set(&next.logs.level)?;
        }
        // Nothing can fail any more.
        let keys = new_keys.as_ref().map_or_else(|| before.keys.clone(), |(ring, _)| ring.clone());
        self.live.store(Arc::new(Live { services, keys, simulation }));
        warn_of(&next);
        self.config = next;
        info!(hash, "a new configuration is in force");
        for passed_over in &loaded.passed_over {
            warn!("{passed_over}");
        }
        if !needs_restart.is_empty() {
            warn!(keys = needs_restart.join(", "), "these changes need a restart");
        }
        let mut report = self.report.lock();
        report.config_hash = Some(hash);
        report.needs_restart = needs_restart;
        report.config_refused = None;
        drop(report);
        if let Some((ring, watch)) = new_keys {
            self.keys = watch;
            tell_of_new(&ring);
        }
        Ok(())
    }

    fn replace(&self, keys: &KeyRing) {
        let before = self.live.load_full();
        let (services, simulation) = (before.services.clone(), before.simulation.clone());
        self.live.store(Arc::new(Live { services, keys: keys.clone(), simulation }));
        tell_of_new(keys);
    }
}

fn tell_of_new(ring: &KeyRing) {
    info!(suppliers = ring.len(), fingerprint = hex::encode(ring.fingerprint()), "new keys are in force");
    tell(ring);
}

/// Says which files give no key.
fn tell(ring: &KeyRing) {
    for refused in ring.refused() {
        warn!(file = %refused.path.display(), reason = refused.reason, "a file gives no key");
    }
}

/// Says what deserves a look, though it is in force.
fn warn_of(config: &Config) {
    for warning in config.simulation.warnings() {
        warn!("{warning}");
    }
}
