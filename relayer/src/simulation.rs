//! Simulated relays: an operator's own, verified against keys that the configuration pins instead of those on chain. They
//! take the way of every relay to a node and back, are signed the same, and are counted apart. A simulated relay is a type of
//! its own without a way to the log: [`Cleared`] can be answered and signed, and nothing else.
//!
//! ```text
//! slot ─▶ identity, supplier, service, time ─▶ ring signature ─▶ mark in Redis ─▶ rate ─▶ Cleared
//! ```
//!
//! Nothing is stored before the signature has been verified, so nobody without a pinned key can fill Redis or use up a mark
//! or a rate.

mod admission;
mod bucket;
mod identity;
mod rejection;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use relay_core::config::ConfigError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::SimulationConfig;
use identity::Identity;

pub(crate) use admission::{Cleared, Surroundings};
pub(crate) use rejection::Rejection;

/// Names the identity. Nobody signed it: it only chooses the keys that the signature is checked against.
const HEADER: &str = "pocket-simulation-key-id";

/// Simulated relays as they are configured now.
#[derive(Debug, Clone)]
pub(crate) struct Simulation(Option<Arc<Enabled>>);

#[derive(Debug)]
struct Enabled {
    slots: Arc<Semaphore>,
    most: usize,
    window: Duration,
    identities: HashMap<String, Arc<Identity>>,
}

/// A place among the simulated relays in progress.
#[derive(Debug)]
pub(crate) struct Slot(#[allow(dead_code, reason = "given back when dropped")] OwnedSemaphorePermit);

/// What unsigned headers ask for. Decided once for each request, or for each socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked(String);

impl Simulation {
    /// `before` is what was in force: what stays the same keeps its slots and rates.
    pub(crate) fn new(config: &SimulationConfig, before: Option<&Self>) -> Result<Self, ConfigError> {
        if !config.enabled {
            return Ok(Self(None));
        }
        let before = before.and_then(|before| before.0.as_ref());
        let same = before.filter(|before| before.most == config.max_concurrent);
        let slots =
            same.map_or_else(|| Arc::new(Semaphore::new(config.max_concurrent)), |same| Arc::clone(&same.slots));
        let identities = config.identities.iter().map(|identity| {
            let same = before.and_then(|before| before.identities.get(&identity.key_id));
            let kept = same.filter(|same| same.is_of(identity)).cloned();
            let built = kept.map_or_else(|| Identity::new(identity).map(Arc::new), Ok)?;
            Ok((identity.key_id.clone(), built))
        });
        let identities = identities.collect::<Result<_, ConfigError>>()?;
        let (most, window) = (config.max_concurrent, config.freshness_window.0);
        Ok(Self(Some(Arc::new(Enabled { slots, most, window, identities }))))
    }

    /// Whether these headers ask for a simulated relay. While simulation is off nothing does.
    pub(crate) fn asked(&self, headers: &HeaderMap) -> Option<Asked> {
        let named = headers.get(HEADER).filter(|_| self.0.is_some())?;
        // What is no text names no identity either.
        Some(Asked(named.to_str().unwrap_or_default().trim().to_owned()))
    }

    /// A place, if there is one at once.
    pub(crate) fn slot(&self) -> Result<Slot, Rejection> {
        // Turned off after it was asked for: then there is no identity any more.
        let enabled = self.0.as_ref().ok_or(Rejection::UnknownKey)?;
        Arc::clone(&enabled.slots).try_acquire_owned().map(Slot).map_err(|_| Rejection::Busy)
    }
}

#[cfg(test)]
mod tests;
