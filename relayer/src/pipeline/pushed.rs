use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use relay_core::relay::{RelayHash, RelayIdentity};
use relay_core::units::Height;
use tokio::time::Instant;

use super::Pipeline;
use super::admitted::Question;
use super::answered::Answered;
use super::identified::Payload;
use super::received::Received;
use super::verified::{Ticket, Verified};
use crate::refusal::Refusal;
use crate::sessions::Session;

/// Requests of one socket that are remembered while their answer is still to come.
const MOST_OPEN: usize = 100;

/// A verified request of a socket.
#[derive(Debug, Clone)]
struct Asked {
    question: Arc<Question>,
    session: Arc<Session>,
}

/// The requests of one socket that its node may answer. A message of the node answers the oldest request that has no answer yet,
/// else it is one more answer to the newest: a subscription.
#[derive(Debug, Default)]
pub(crate) struct Dialogue {
    /// With what their first answer needs, oldest first.
    open: VecDeque<(Asked, Ticket)>,
    newest: Option<Asked>,
}

/// The request that a message of the node answers.
#[derive(Debug)]
pub(crate) struct Next {
    asked: Asked,
    /// What was reserved for its first answer.
    ticket: Option<Ticket>,
    arrival: Height,
    at: Instant,
}

/// What a signed push is, beside its bytes.
#[derive(Debug)]
pub(crate) struct Pushed {
    /// The encoded signed response.
    pub(crate) response: Bytes,
    /// The relay that was made of it.
    pub(crate) hash: RelayHash,
    /// Whether the log has it, or will.
    pub(crate) published: bool,
}

impl Dialogue {
    /// A verified request is about to go to the node. Gives what the node gets. From now on the request is used up: it may not
    /// be sent again.
    pub(crate) fn ask(&mut self, verified: Verified) -> Result<Bytes, Refusal> {
        let Verified { question, session, payload, mut ticket } = verified;
        // Without payload it would be the signature of a handshake, which others have seen.
        let Payload::Frame(payload) = payload else { return Err(Refusal::NotARelay) };
        if payload.is_empty() {
            return Err(Refusal::NotARelay);
        }
        if let Some(claim) = ticket.claim.take() {
            claim.keep();
        }
        let asked = Asked { question, session };
        let until = |asked: &Asked| asked.question.admitted_until;
        if self.newest.as_ref().is_none_or(|newest| until(newest) <= until(&asked)) {
            self.newest = Some(asked.clone());
        }
        if self.open.len() == MOST_OPEN {
            self.open.pop_front();
        }
        self.open.push_back((asked, ticket));
        Ok(payload)
    }

    /// Whom a message of the node answers. `None` when nobody has asked anything.
    pub(crate) fn next(&mut self, arrival: Height, at: Instant) -> Option<Next> {
        self.forget(at);
        while let Some((asked, ticket)) = self.open.pop_front() {
            if arrival <= asked.question.admitted_until {
                return Some(Next { asked, ticket: Some(ticket), arrival, at });
            }
        }
        let asked = self.newest.clone()?;
        Some(Next { asked, ticket: None, arrival, at })
    }

    /// Gives back what requests hold whose answer is overdue. Their answers may still come; each then takes anew what it needs.
    pub(crate) fn forget(&mut self, now: Instant) {
        while self.open.front().is_some_and(|(asked, _)| asked.question.deadline <= now) {
            self.open.pop_front();
        }
    }

    /// The last height at which the newest session takes relays.
    pub(crate) fn admitted_until(&self) -> Option<Height> {
        self.newest.as_ref().map(|newest| newest.question.admitted_until)
    }

    /// The newest request.
    pub(crate) fn newest(&self) -> Option<&Question> {
        self.newest.as_ref().map(|newest| &*newest.question)
    }
}

impl Pipeline {
    /// Whether somebody is who they say, without a relay: handshakes. What they signed for it can be used once.
    pub(crate) async fn introduce(&self, received: Received) -> Result<RelayIdentity, Refusal> {
        let (_, mut verified) = self.verify(received).await?;
        if let Some(claim) = verified.ticket.claim.take() {
            claim.keep();
        }
        Ok(verified.question.identity.clone())
    }
}

impl Next {
    /// The message as a relay of its own. What that needs is taken before it is sent: from what the request has reserved, or
    /// anew.
    pub(crate) async fn answer(self, payload: Bytes, pipeline: &Pipeline) -> Result<Answered, Refusal> {
        let Asked { question, session } = self.asked;
        // A first answer is timed from its request; for others there is nothing to time.
        let (ticket, at) = match self.ticket {
            Some(ticket) => (ticket, question.at),
            None => (Verified::another(&question, pipeline).await?, self.at),
        };
        let mut question = Question::clone(&question);
        (question.arrival, question.at) = (self.arrival, at);
        Ok(Answered { question: Arc::new(question), session, ticket, payload, status: StatusCode::OK })
    }
}

impl Answered {
    /// Signs and records a push. Run it to its end: what was taken for it is used up.
    pub(crate) async fn push(self, pipeline: &Pipeline) -> Result<Pushed, Refusal> {
        let signed = self.sign()?;
        let hash = signed.mined.hash;
        let recorded = signed.record(pipeline).await?;
        Ok(Pushed { response: recorded.response, hash, published: recorded.published })
    }
}
