use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;

use super::NoAnswer;
use super::breaker::{Breaker, Change, Permit};
use super::request::Prepared;
use super::slots::Slot;
use super::target::Target;
use crate::config::{BreakerConfig, EndpointConfig};
use crate::refusal::BackendFault;

/// One node of a pool.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// How metrics and logs call it; never its URL, which may hold a credential.
    pub(crate) name: Arc<str>,
    /// Its place in the pool.
    pub(super) place: usize,
    /// Whose pool it is in, `service:type`.
    pool: Arc<str>,
    pub(super) target: Target,
    /// What it wants to see in `Authorization`.
    pub(super) credential: Option<HeaderValue>,
    pub(super) weight: u16,
    breaker: Mutex<Breaker>,
    in_flight: AtomicUsize,
}

impl Endpoint {
    pub(super) fn new(
        place: usize,
        config: &EndpointConfig,
        pool: Arc<str>,
        target: Target,
        credential: Option<HeaderValue>,
        breaker: &BreakerConfig,
    ) -> Arc<Self> {
        let (breaker, in_flight) = (Mutex::new(Breaker::new(breaker)), AtomicUsize::new(0));
        Arc::new(Self {
            name: config.label().into(),
            place,
            weight: config.weight,
            pool,
            target,
            credential,
            breaker,
            in_flight,
        })
    }

    /// The request to this node; `None` when its URL makes no sense here.
    pub(super) fn request(&self, prepared: Prepared) -> Option<Request<Full<Bytes>>> {
        prepared.to(&self.target, self.credential.as_ref())
    }

    /// Whether it is worth sending relays to.
    pub(crate) fn is_good(&self) -> bool {
        self.breaker().admits(Instant::now())
    }

    /// Requests in progress on it.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// The right to ask it once; `None` while it is left alone.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Attempt> {
        let permit = self.breaker().enter(Instant::now())?;
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(Attempt { endpoint: Arc::clone(self), permit: Some(permit), slot: None })
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn succeeded(&self, permit: Permit) {
        let change = self.breaker().succeeded(permit, Instant::now());
        if let Some(Change::Up { after }) = change {
            let down_seconds = after.as_secs();
            tracing::info!(backend = %self.name, pool = %self.pool, down_seconds, "BACKEND UP: it answers again");
        }
    }

    fn failed(&self, permit: Permit, reason: &'static str, status: Option<StatusCode>) {
        let change = self.breaker().failed(permit, Instant::now());
        if let Some(Change::Down { failures, pause }) = change {
            let (retry_seconds, status) = (pause.as_secs(), status.map_or(0, |status| status.as_u16()));
            tracing::warn!(
                backend = %self.name, pool = %self.pool, consecutive_failures = failures, trigger_reason = reason,
                trigger_http_status = status, retry_seconds, "BACKEND DOWN: it is left alone for a while"
            );
        }
    }
}

/// The right to ask an endpoint once. Whoever holds it says how it went; dropped without a word it says nothing: the caller
/// has left, or what was asked cannot be sent to anyone.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) endpoint: Arc<Endpoint>,
    permit: Option<Permit>,
    /// Its place among the requests in progress, while a stream goes on.
    pub(super) slot: Option<Slot>,
}

impl Attempt {
    /// The endpoint did its part.
    pub(crate) fn succeeded(mut self) {
        if let Some(permit) = self.permit.take() {
            self.endpoint.succeeded(permit);
        }
    }

    /// It did not. Only what the endpoint is to blame for counts against it: no connection, or a broken one. Being slow,
    /// long answers and requests that nobody can send say nothing.
    pub(crate) fn failed(mut self, fault: BackendFault) {
        if fault == BackendFault::Connection
            && let Some(permit) = self.permit.take()
        {
            self.endpoint.failed(permit, "transport_error", None);
        }
    }

    /// It gave no answer to pay for.
    pub(super) fn gave(mut self, no_answer: NoAnswer) {
        match no_answer {
            NoAnswer::AllDown | NoAnswer::Busy => {}
            NoAnswer::Fault(fault) => self.failed(fault),
            NoAnswer::Status(status) => {
                if let Some(permit) = self.permit.take() {
                    self.endpoint.failed(permit, "backend_5xx", Some(status));
                }
            }
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(permit) = self.permit.take() {
            self.endpoint.breaker().neutral(permit, Instant::now());
        }
    }
}
