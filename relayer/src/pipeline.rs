//! One relay, step by step. Each step is a type that only the step before can become, so none can be left out:
//!
//! ```text
//! Received → Identified → Admitted → Verified → Answered → Signed → Recorded
//! ```
//!
//! A transport makes a [`Received`] and frames what [`Pipeline::serve`] gives back; everything between is the same for all.

mod admitted;
mod answered;
mod identified;
mod received;
mod recorded;
mod signed;
mod timing;
mod verified;

use std::sync::Arc;

use bytes::Bytes;
use relay_core::chain::{BlockFeed, Chain};
use relay_core::keys::KeyRing;
use relay_core::ring::Verifier;

use crate::books::{Books, Column};
use crate::config::LimitsConfig;
use crate::metrics::{Metrics, UNKNOWN_SERVICE};
use crate::recording::Publisher;
use crate::refusal::Refusal;
use crate::replays::Replays;
use crate::service::ServiceMap;
use crate::sessions::Sessions;

pub(crate) use received::{Place, Received};

/// Everything a relay meets on its way.
pub(crate) struct Pipeline {
    pub(crate) services: ServiceMap,
    pub(crate) keys: KeyRing,
    pub(crate) limits: LimitsConfig,
    pub(crate) chain: Chain,
    pub(crate) feed: BlockFeed,
    pub(crate) sessions: Sessions,
    pub(crate) verifier: Verifier,
    pub(crate) replays: Arc<Replays>,
    pub(crate) publisher: Publisher,
    pub(crate) books: Arc<Books>,
    pub(crate) metrics: Metrics,
}

impl Pipeline {
    /// Takes a relay through all steps. Gives the encoded signed response.
    ///
    /// From the backend on the work goes on when the caller leaves: what a node has answered is signed and recorded.
    pub(crate) async fn serve(self: &Arc<Self>, received: Received) -> Result<Bytes, Refusal> {
        let unknown: Arc<str> = UNKNOWN_SERVICE.into();
        let identified = received.identify().map_err(|refusal| self.refused(&unknown, refusal))?;
        let service = self.services.get(&identified.identity.session.service);
        let label = service.map_or(unknown, |service| Arc::clone(&service.label));
        let refuse = |refusal| self.refused(&label, refusal);
        let admitted = identified.admit(self).await.map_err(refuse)?;
        self.metrics.received(&label);
        let verified = admitted.verify(self).await.map_err(refuse)?;
        let pipeline = Arc::clone(self);
        let rest = tokio::spawn(async move {
            let answered = Box::pin(verified.answer(&pipeline)).await?;
            let signed = answered.sign()?;
            signed.record(&pipeline).await
        });
        // The task panics only if we do, and then nobody has an answer.
        rest.await.unwrap_or(Err(Refusal::Unsigned)).map(|recorded| recorded.response).map_err(refuse)
    }

    pub(crate) fn refused(&self, service: &Arc<str>, refusal: Refusal) -> Refusal {
        if refusal.is_shed() {
            self.books.add(Column::Shed);
        }
        self.metrics.rejected(service, &refusal);
        refusal
    }
}
