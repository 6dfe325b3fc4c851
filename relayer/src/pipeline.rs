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

use arc_swap::ArcSwap;
use bytes::Bytes;
use relay_core::chain::{BlockFeed, Chain};
use relay_core::ring::Verifier;

use crate::books::{Books, Column};
use crate::config::LimitsConfig;
use crate::live::Live;
use crate::metrics::{Metrics, UNKNOWN_SERVICE};
use crate::recording::Publisher;
use crate::refusal::Refusal;
use crate::replays::Replays;
use crate::sessions::Sessions;
use answered::Outcome;
use verified::Verified;

pub(crate) use received::{Channel, Place, Received};

/// Everything a relay meets on its way.
pub(crate) struct Pipeline {
    /// What can change: load it once a relay.
    pub(crate) live: ArcSwap<Live>,
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
        let (label, verified) = self.verify(received).await?;
        let pipeline = Arc::clone(self);
        let rest = tokio::spawn(async move {
            let Outcome::Whole(answered) = Box::pin(verified.answer(&pipeline)).await?;
            answered.sign()?.record(&pipeline).await
        });
        // The task panics only if we do, and then nobody has an answer.
        let recorded = rest.await.unwrap_or(Err(Refusal::Unsigned));
        recorded.map(|recorded| recorded.response).map_err(|refusal| self.refused(&label, refusal))
    }

    /// Takes a relay to where its node may be asked. Gives its service's label, too.
    pub(crate) async fn verify(&self, received: Received) -> Result<(Arc<str>, Verified), Refusal> {
        let unknown: Arc<str> = UNKNOWN_SERVICE.into();
        let identified = received.identify().map_err(|refusal| self.refused(&unknown, refusal))?;
        let live = self.live.load_full();
        let service = live.services.get(&identified.identity.session.service);
        let label = service.map_or(unknown, |service| Arc::clone(&service.label));
        let refuse = |refusal| self.refused(&label, refusal);
        let admitted = identified.admit(self, &live).await.map_err(refuse)?;
        self.metrics.received(&label);
        let verified = admitted.verify(self).await.map_err(refuse)?;
        Ok((label, verified))
    }

    pub(crate) fn refused(&self, service: &Arc<str>, refusal: Refusal) -> Refusal {
        if refusal.is_shed() {
            self.books.add(Column::Shed);
        }
        self.metrics.rejected(service, &refusal);
        refusal
    }
}
