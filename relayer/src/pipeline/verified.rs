use std::sync::Arc;

use relay_core::relay::request_digest;
use relay_core::ring::membership::check;
use tokio::time::Instant;

use super::Pipeline;
use super::admitted::{Admitted, Question};
use super::identified::Payload;
use super::received::Place;
use crate::budget::Charge;
use crate::recording::Room;
use crate::refusal::Refusal;
use crate::replays::Claim;
use crate::sessions::Session;

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
        let started = Instant::now();
        let outcome = self.question.verify(pipeline).await;
        self.question.tally.validated(started.elapsed());
        let (session, claim) = outcome?;
        // Only now: a request that is not the application's must not cost it anything.
        let charge = self.question.first_charge(&session, pipeline).await?;
        let ticket = Ticket { room: self.room, charge, claim: Some(claim), _place: Some(self.place) };
        Ok(Verified { question: self.question, session, payload: self.payload, ticket })
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
        if !session.suppliers.contains(&identity.supplier) {
            let text = format!("supplier {} not found in session", identity.supplier);
            return Err(self.invalid("supplier_not_in_session", text));
        }
        let ring = pipeline.sessions.ring(&identity.session.application, identity.session.end).await?;
        let message = request_digest(&self.request);
        let signature = self.request.meta.as_ref().map_or(&[][..], |meta| &meta.signature);
        check(&pipeline.verifier, &message, signature, &ring)
            .map_err(|error| self.invalid("signature", format!("ring signature verification failed: {error}")))?;
        let Some(claim) = pipeline.replays.claim(&message, signature) else {
            pipeline.books.add(crate::books::Column::Replayed);
            return Err(Refusal::Replayed);
        };
        Ok((session, claim))
    }
}
