use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use relay_core::address::SecretKey;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::{RelayIdentity, RpcType};
use relay_core::units::Height;
use tokio::time::Instant;

use super::Pipeline;
use super::identified::{Identified, Payload};
use super::received::{Channel, Place};
use super::timing::{Admission, plausible};
use crate::backend::{Origin, Pool};
use crate::budget::{Charge, Meter};
use crate::live::Live;
use crate::metrics::Tally;
use crate::recording::Room;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::LookupError;

/// Bytes of a ring signature without members, and of each member.
pub(super) const RING_HEAD: usize = 69;
pub(super) const RING_MEMBER: usize = 65;

/// A relay's request with all that was found out about it. The answers that it causes share it.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) request: RelayRequest,
    pub(crate) identity: RelayIdentity,
    /// Headers around the relay. Nobody signed them.
    pub(crate) headers: HeaderMap,
    pub(crate) arrival: Height,
    pub(crate) at: Instant,
    pub(crate) service: Arc<Service>,
    /// The metrics of this kind of request of this service.
    pub(crate) tally: Arc<Tally>,
    pub(crate) rpc_type: RpcType,
    pub(crate) pool: Arc<Pool>,
    pub(crate) key: SecretKey,
    /// When its answer must be complete.
    pub(crate) deadline: Instant,
    /// The last height at which relays of its session are good.
    pub(crate) admitted_until: Height,
    /// What its answers are charged to; set once it is verified.
    pub(super) meter: OnceLock<Arc<Meter>>,
    mined_bytes: usize,
}

/// A relay that is worth a look at its signature: we serve its service, hold its supplier's key, it comes in time, and there
/// is room to record it. Nothing of this needed curve arithmetic.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(super) question: Arc<Question>,
    pub(super) payload: Payload,
    pub(super) room: Room,
    pub(super) place: Place,
}

impl Identified {
    pub(super) async fn admit(
        self,
        service: &Arc<Service>,
        rpc_type: RpcType,
        pipeline: &Pipeline,
        live: &Live,
    ) -> Result<Admitted, Refusal> {
        let session = &self.identity.session;
        let supplier = &self.identity.supplier;
        let key = live.keys.get(supplier).ok_or_else(|| Refusal::ForeignSupplier(supplier.as_str().to_owned()))?;
        if self.body_bytes > service.request_bytes {
            return Err(Refusal::TooLargeForService);
        }
        if self.mined_bytes > pipeline.limits.relay_bytes {
            return Err(Refusal::Unprovable { bytes: self.mined_bytes, limit: pipeline.limits.relay_bytes });
        }
        self.check_ring_size(pipeline.limits.ring_members)?;
        if self.arrival.0 <= 0 {
            return Err(Refusal::Unverifiable("no block was seen yet".to_owned()));
        }
        plausible(session, self.arrival)?;
        let Some(pool) = service.pools.get(&rpc_type) else {
            pipeline.metrics.backends.missing(&service.label, rpc_type.name());
            return Err(Refusal::NoBackend(session.service.clone()));
        };
        // A socket has its connection already; what others of the pool do is nothing to it.
        if self.channel != Channel::Socket && !pool.is_healthy() {
            pipeline.metrics.backends.fast_fail(&service.label);
            return Err(Refusal::NoBackend(session.service.clone()));
        }
        let admission = self.admission(pipeline).await?;
        let tally = service.tallies.of(rpc_type);
        admission.check(session, self.arrival).inspect_err(|_| tally.validation_failed("session_expired"))?;
        tally.request_bytes(self.body_bytes);
        let time = admission.deadline(service.timeout, self.arrival, &pipeline.feed);
        let deadline = self.at + self.patience().map_or(time, |patience| patience.min(time));
        let room = pipeline.publisher.reserve(supplier, session, admission.until, self.mined_bytes);
        let question = Question {
            service: Arc::clone(service),
            tally: Arc::clone(tally),
            rpc_type,
            pool: Arc::clone(pool),
            key: key.clone(),
            deadline,
            admitted_until: admission.until,
            request: self.request,
            headers: self.headers,
            arrival: self.arrival,
            at: self.at,
            meter: OnceLock::new(),
            mined_bytes: self.mined_bytes,
            identity: self.identity,
        };
        let (room, place) = (room.ok_or(Refusal::Unrecordable)?, self.place);
        Ok(Admitted { question: Arc::new(question), payload: self.payload, room, place })
    }

    /// The windows of the session. While it runs its parameters are those of now; afterwards those at its end.
    async fn admission(&self, pipeline: &Pipeline) -> Result<Admission, Refusal> {
        let session = &self.identity.session;
        let params = pipeline.sessions.params(session.end, self.arrival).await?;
        Ok(Admission::of(session, &params))
    }

    /// The count of members comes from the wire, and each one costs curve arithmetic.
    fn check_ring_size(&self, most: usize) -> Result<(), Refusal> {
        let signature = self.request.meta.as_ref().map_or(0, |meta| meta.signature.len());
        if signature <= RING_HEAD + RING_MEMBER * most {
            return Ok(());
        }
        Err(Refusal::Invalid(format!(
            "ring signature verification failed: a ring of {signature} bytes, at most {most} members are accepted"
        )))
    }
}

impl Question {
    /// Whom and what to name to the backend.
    pub(crate) fn origin(&self) -> Origin<'_> {
        let session = &self.identity.session;
        Origin {
            supplier: &self.identity.supplier,
            application: &session.application,
            service: &session.service,
            outer: &self.headers,
        }
    }

    /// It would not be accepted on chain; counted under one of a fixed set of words.
    pub(super) fn invalid(&self, reason: &'static str, text: String) -> Refusal {
        self.tally.validation_failed(reason);
        Refusal::Invalid(text)
    }

    /// Reserves one answer's part of the session's budget. The relay is verified.
    pub(super) async fn charge(&self, pipeline: &Pipeline) -> Result<Charge, Refusal> {
        pipeline.budgets.reserve(self.meter.get(), &self.service).await
    }

    /// Makes room for one more answer to the same request: pushes on a socket.
    pub(super) fn another_room(&self, pipeline: &Pipeline) -> Result<Room, Refusal> {
        let (supplier, session) = (&self.identity.supplier, &self.identity.session);
        let room = pipeline.publisher.reserve(supplier, session, self.admitted_until, self.mined_bytes);
        room.ok_or(Refusal::Unrecordable)
    }
}

impl From<LookupError> for Refusal {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Unavailable(reason) => {
                tracing::debug!(reason, "a relay cannot be validated now");
                Self::Unverifiable("the chain does not answer".to_owned())
            }
            LookupError::Refused(reason) => Self::Invalid(format!("failed to get session: {reason}")),
        }
    }
}
