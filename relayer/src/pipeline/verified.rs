use std::sync::Arc;

use relay_core::relay::request_digest;
use relay_core::ring::membership::{RingCheckError, RingKeys, check};
use tokio::time::Instant;

use super::Pipeline;
use super::admitted::{Admitted, Question, RING_HEAD, RING_MEMBER};
use super::identified::Payload;
use super::received::Place;
use crate::budget::Charge;
use crate::recording::Room;
use crate::refusal::Refusal;
use crate::replays::Claim;
use crate::sessions::Session;

/// A signature of more members than this takes a millisecond or more: it is checked where it holds nobody up.
const INLINE_MEMBERS: usize = 8;

/// A relay that the chain would accept: its session exists as claimed, the supplier is in it, and the application or one of
/// its gateways signed. It is served once.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) question: Arc<Question>,
    pub(crate) session: Arc<Session>,
    pub(crate) payload: Payload,
    pub(crate) ticket: Ticket,
}

/// What one answer needs, taken before it is given: room to record it.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(super) room: Room,
    /// Its part of the session's budget.
    pub(super) charge: Charge,
    /// The right to answer this request; pushes on a socket have none of their own.
    pub(super) claim: Option<Claim>,
    /// Held until the relay is recorded.
    pub(super) _place: Option<Place>,
}

impl Ticket {
    /// Nothing is answered with it, but the node has seen its request, which must not come again.
    pub(super) fn spend(self) {
        if let Some(claim) = self.claim {
            claim.keep();
        }
    }
}

impl Admitted {
    pub(super) async fn verify(self, pipeline: &Pipeline) -> Result<Verified, Refusal> {
        let Self { question, payload, room, place } = self;
        question.prove(room, place, pipeline).await.map(|proven| proven.with(payload))
    }
}

/// Everything of a verified relay but what it wants.
pub(super) struct Proven {
    question: Arc<Question>,
    session: Arc<Session>,
    ticket: Ticket,
}

impl Proven {
    pub(super) fn with(self, payload: Payload) -> Verified {
        let Self { question, session, ticket } = self;
        Verified { question, session, payload, ticket }
    }
}

impl Verified {
    /// What one more answer to the same request needs: every push on a socket is a relay of its own. Waits only when the
    /// budget's slice is used up.
    pub(crate) async fn another(question: &Question, pipeline: &Pipeline) -> Result<Ticket, Refusal> {
        let room = question.another_room(pipeline)?;
        let charge = question.charge(pipeline).await?;
        Ok(Ticket { room, charge, claim: None, _place: None })
    }
}

impl Question {
    /// Proves that the relay is good, and reserves its part of the budget: only then, since a request that is not the
    /// application's must not cost it anything.
    pub(super) async fn prove(
        self: &Arc<Self>,
        room: Room,
        place: Place,
        pipeline: &Pipeline,
    ) -> Result<Proven, Refusal> {
        let started = Instant::now();
        let outcome = self.verify(pipeline).await;
        self.tally.validated(started.elapsed());
        let (session, claim) = outcome?;
        let charge = self.first_charge(&session, pipeline).await?;
        let ticket = Ticket { room, charge, claim: Some(claim), _place: Some(place) };
        Ok(Proven { question: Arc::clone(self), session, ticket })
    }

    async fn first_charge(&self, session: &Session, pipeline: &Pipeline) -> Result<Charge, Refusal> {
        let meter = pipeline.budgets.meter(&self.identity.supplier, session, &self.service, self.admitted_until);
        if let Some(meter) = meter {
            // It is set once, here.
            let _ = self.meter.set(meter);
        }
        self.charge(pipeline).await
    }

    async fn verify(&self, pipeline: &Pipeline) -> Result<(Arc<Session>, Claim), Refusal> {
        let identity = &self.identity;
        let session = pipeline.sessions.session(&identity.session).await?;
        let equal = identity.session.must_equal(&session.header);
        equal.map_err(|mismatch| self.invalid("session_mismatch", mismatch.to_string()))?;
        let Some(declared) = session.suppliers.get(&identity.supplier) else {
            let text = format!("supplier {} not found in session", identity.supplier);
            return Err(self.invalid("supplier_not_in_session", text));
        };
        let message = request_digest(&self.request);
        let signature = self.check_signature(&message, pipeline).await?;
        let Some(claim) = pipeline.replays.claim(&message, signature) else {
            pipeline.books.add(crate::books::Column::Replayed);
            return Err(Refusal::Replayed);
        };
        if !declared.has(self.rpc_type) {
            pipeline.metrics.validation.undeclared(&self.service.label, self.rpc_type, &identity.supplier);
        }
        Ok((session, claim))
    }

    /// Checks the ring signature and gives its bytes.
    async fn check_signature(&self, message: &[u8; 32], pipeline: &Pipeline) -> Result<&[u8], Refusal> {
        let (application, end) = (&self.identity.session.application, self.identity.session.end);
        let ring = pipeline.sessions.ring(application, end).await?;
        let mut outcome = self.ring_holds(message, ring, pipeline).await;
        // A gateway that was added a moment ago is a stranger still.
        if let Err(RingCheckError::Stranger(_)) = outcome
            && let Some(ring) = pipeline.sessions.ring_anew(application, end).await
        {
            outcome = self.ring_holds(message, ring, pipeline).await;
        }
        outcome.map_err(|error| self.invalid("signature", format!("ring signature verification failed: {error}")))?;
        Ok(self.signature())
    }

    async fn ring_holds(
        &self,
        message: &[u8; 32],
        ring: Arc<RingKeys>,
        pipeline: &Pipeline,
    ) -> Result<(), RingCheckError> {
        if self.signature().len() <= RING_HEAD + RING_MEMBER * INLINE_MEMBERS {
            return check(&pipeline.verifier, message, self.signature(), &ring).map(|_| ());
        }
        let (verifier, message) = (Arc::clone(&pipeline.verifier), *message);
        let signature = self.signature().to_vec();
        let checked = pipeline.heavy.run(move || check(&verifier, &message, &signature, &ring).map(|_| ())).await;
        checked.unwrap_or(Err(RingCheckError::Invalid))
    }

    fn signature(&self) -> &[u8] {
        self.request.meta.as_ref().map_or(&[][..], |meta| &meta.signature)
    }
}
