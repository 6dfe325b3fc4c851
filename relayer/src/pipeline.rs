//! One relay, step by step. Each step is a type that only the step before can become, so none can be left out:
//!
//! ```text
//! Received → Identified → Admitted → Verified → Answered → Signed → Recorded
//! ```
//!
//! A transport makes a [`Received`] and frames what [`Pipeline::serve_or_stream`] or [`Pipeline::serve_explained`] gives back;
//! everything between is the same for all.

mod admitted;
mod answered;
mod batch;
mod exchange;
mod expired;
mod explained;
mod identified;
mod optimistic;
mod patience;
mod pushed;
mod received;
mod recorded;
mod serve;
mod signed;
mod simulated;
mod simulated_stream;
mod streamed;
mod streaming;
mod timing;
mod unpaid;
mod verified;
mod weight;

use std::sync::Arc;

use arc_swap::ArcSwap;
use relay_core::chain::{BlockFeed, Chain};
use relay_core::ring::Verifier;

use crate::books::{Books, Column};
use crate::budget::Budgets;
use crate::config::LimitsConfig;
use crate::heavy::Heavy;
use crate::live::Live;
use crate::metrics::{Metrics, Tally, UNKNOWN_KIND};
use crate::recording::Publisher;
use crate::refusal::Refusal;
use crate::replays::Replays;
use crate::sessions::Sessions;
use admitted::Admitted;
use verified::Verified;

pub(crate) use admitted::Question;
pub(crate) use exchange::{Exchange, Stray};
pub(crate) use explained::Explained;
pub(crate) use pushed::{Dialogue, Pushed};
pub(crate) use received::{Channel, Place, Received};
pub(crate) use recorded::Recorded;
pub(crate) use serve::Served;
pub(crate) use simulated::Simulated;
pub(crate) use streaming::{Cuts, Part, StreamHead};
pub(crate) use weight::{Budget, Share};

/// Everything a relay meets on its way.
pub(crate) struct Pipeline {
    /// What can change: load it once a relay.
    pub(crate) live: Arc<ArcSwap<Live>>,
    pub(crate) limits: LimitsConfig,
    pub(crate) chain: Chain,
    pub(crate) feed: BlockFeed,
    pub(crate) sessions: Sessions,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) heavy: Heavy,
    pub(crate) budgets: Budgets,
    pub(crate) replays: Arc<Replays>,
    pub(crate) publisher: Publisher,
    pub(crate) books: Arc<Books>,
    pub(crate) metrics: Metrics,
}

impl Pipeline {
    /// Takes a relay to where its node may be asked. Gives the metrics of its service and kind, too.
    pub(crate) async fn verify(&self, received: Received) -> Result<(Arc<Tally>, Verified), Refusal> {
        let (tally, admitted) = self.admit(received).await?;
        let verified = admitted.verify(self).await.map_err(|refusal| self.refused(&tally, refusal))?;
        Ok((tally, verified))
    }

    /// Takes a relay to where its signature is worth a look.
    async fn admit(&self, received: Received) -> Result<(Arc<Tally>, Admitted), Refusal> {
        let identified = received.identify().map_err(|refusal| self.refused_early(refusal))?;
        let live = self.live.load_full();
        let id = &identified.identity.session.service;
        let service = live.services.get(id);
        let service = service.ok_or_else(|| self.refused_early(Refusal::UnknownService(id.clone())))?;
        let kind = identified.rpc_type(service);
        if kind.is_err() {
            self.metrics.backends.missing(&service.label, UNKNOWN_KIND);
        }
        let tally = kind.as_ref().map_or_else(|_| service.tallies.unknown(), |kind| service.tallies.of(*kind));
        tally.received();
        let refuse = |refusal| self.refused(tally, refusal);
        let admitted = identified.admit(service, kind.map_err(refuse)?, self, &live).await.map_err(refuse)?;
        Ok((Arc::clone(tally), admitted))
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, tally: &Tally, refusal: Refusal) -> Refusal {
        if refusal.is_shed() {
            self.books.add(Column::Shed);
        }
        tally.rejected(&refusal);
        refusal
    }

    /// Counts a refusal from before the relay's service was known.
    pub(crate) fn refused_early(&self, refusal: Refusal) -> Refusal {
        self.metrics.unknown.received();
        self.refused(&self.metrics.unknown, refusal)
    }
}
