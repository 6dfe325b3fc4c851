//! Before the first piece of work: what every role waits for, and why it would not start.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::chain::{Chain, ChainError, Identity};
use crate::clock::Clock;
use crate::config::ConfigError;
use crate::keys::KeysError;
use crate::store::{ChainIdentity, Store, StoreConfig, StoreError};
use crate::telemetry::TelemetryError;

/// Pause between two attempts to reach the chain or Redis.
const RETRY: Duration = Duration::from_millis(500);
/// The same complaint is repeated in the log this often.
const REMIND: Duration = Duration::from_secs(30);

/// Why a role does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
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
}

/// What a role waits for, or that it works. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Stage(Arc<Mutex<Option<String>>>);

impl Default for Stage {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some("starting".to_owned()))))
    }
}

impl Stage {
    /// Says what is being waited for.
    pub fn waits_for(&self, what: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(what.into());
    }

    /// Says that nothing is waited for any more.
    pub fn works(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What is being waited for; `None` once the role works.
    #[must_use]
    pub fn waiting(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Waits for the chain to say which one it is, and then for Redis, for as long as it takes. `None` when told to stop meanwhile,
/// at once. Only what waiting cannot mend is an error: another chain than configured, a Redis that is not fit or holds the state
/// of another chain.
pub async fn connect(
    chain: &Chain,
    store: StoreConfig,
    clock: Clock,
    stage: &Stage,
    stop: &CancellationToken,
) -> Result<Option<(Store, Identity)>, StartError> {
    let connecting = async {
        let identity = identity(chain, stage).await?;
        info!(chain = identity.chain_id, "the chain answers");
        let whose = ChainIdentity::from(&identity);
        let mut patience = Patience::new(stage, "Redis");
        loop {
            match Store::open_with_clock(store.clone(), whose.clone(), clock).await {
                Ok(store) => return Ok(Some((store, identity))),
                Err(error) if error.is_transient() => patience.again(&error).await,
                Err(error) => return Err(error.into()),
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => Ok(None),
        // On the heap, once a start: it is large, and every future around it would be.
        outcome = Box::pin(connecting) => outcome,
    }
}

async fn identity(chain: &Chain, stage: &Stage) -> Result<Identity, StartError> {
    let mut patience = Patience::new(stage, "the chain");
    loop {
        match chain.identity().await {
            Ok(identity) => return Ok(identity),
            Err(error @ ChainError::Config { .. }) => return Err(error.into()),
            Err(error) => patience.again(&error).await,
        }
    }
}

/// Waits between attempts, and tells people why without filling the log.
struct Patience<'a> {
    stage: &'a Stage,
    what: &'static str,
    said: String,
    /// Attempts that may fail in the same way before that is said again.
    silent: u32,
}

impl<'a> Patience<'a> {
    fn new(stage: &'a Stage, what: &'static str) -> Self {
        Self { stage, what, said: String::new(), silent: 0 }
    }

    async fn again(&mut self, error: &(dyn std::error::Error + Sync)) {
        let text = error.to_string();
        if self.silent == 0 || text != self.said {
            warn!(error = text, "waiting for {}", self.what);
            self.stage.waits_for(format!("waiting for {}: {text}", self.what));
            self.said = text;
            self.silent = u32::try_from(REMIND.as_millis() / RETRY.as_millis()).unwrap_or(u32::MAX);
        }
        self.silent -= 1;
        tokio::time::sleep(RETRY).await;
    }
}
