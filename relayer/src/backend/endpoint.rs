use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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
    pub(super) pool: Arc<str>,
    pub(super) target: Target,
    /// What it wants to see in `Authorization`.
    pub(super) credential: Option<HeaderValue>,
    pub(super) weight: u16,
    breaker: Mutex<Breaker>,
    /// What probes found.
    probed_down: AtomicBool,
    /// What a look at its chain found.
    out_of_sync: AtomicBool,
    in_flight: AtomicUsize,
}

/// What a look at a node's chain found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It did not say; whatever was found before holds.
    Unknown,
    /// As good as any.
    Fit,
    /// Too far behind another node of its pool.
    Behind {
        /// Blocks.
        lag: u64,
    },
    /// It is of another chain than configured.
    OtherChain,
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
        let breaker = Mutex::new(Breaker::new(breaker));
        Arc::new(Self {
            name: config.label().into(),
            place,
            weight: config.weight,
            pool,
            target,
            credential,
            breaker,
            probed_down: AtomicBool::new(false),
            out_of_sync: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
        })
    }

    /// The request to this node; `None` when its URL makes no sense here.
    pub(super) fn request(&self, prepared: Prepared) -> Option<Request<Full<Bytes>>> {
        prepared.to(&self.target, self.credential.as_ref())
    }

    /// Scheme, host and port.
    pub(crate) fn site(&self) -> String {
        self.target.site()
    }

    /// Whether it is worth sending relays to.
    pub(crate) fn is_good(&self) -> bool {
        let fit = !self.probed_down.load(Ordering::Relaxed) && !self.out_of_sync.load(Ordering::Relaxed);
        fit && self.breaker().admits(Instant::now())
    }

    /// Probes have changed their judgement; `why` if it is not good any more.
    pub(super) fn probed(&self, good: bool, why: &str) {
        self.probed_down.store(!good, Ordering::Relaxed);
        let (backend, pool) = (&*self.name, &*self.pool);
        if good {
            tracing::info!(backend, pool, "BACKEND UP: its probes go well again");
        } else {
            tracing::warn!(backend, pool, trigger_reason = "probe", why, "BACKEND DOWN: its probes fail");
        }
    }

    /// Somebody looked at its chain.
    pub(super) fn compared(&self, verdict: Verdict) {
        let out = match verdict {
            Verdict::Unknown => return,
            Verdict::Fit => false,
            Verdict::Behind { .. } | Verdict::OtherChain => true,
        };
        if self.out_of_sync.swap(out, Ordering::Relaxed) == out {
            return;
        }
        let (backend, pool) = (&*self.name, &*self.pool);
        match verdict {
            Verdict::Behind { lag } => {
                tracing::warn!(backend, pool, trigger_reason = "lag", lag, "BACKEND DOWN: it is behind its chain");
            }
            Verdict::OtherChain => {
                tracing::warn!(backend, pool, trigger_reason = "chain_id", "BACKEND DOWN: it is of another chain");
            }
            Verdict::Fit | Verdict::Unknown => {
                tracing::info!(backend, pool, "BACKEND UP: it is in step with its chain");
            }
        }
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
