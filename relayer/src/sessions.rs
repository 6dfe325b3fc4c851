//! What the chain says about a session: its header, its suppliers, its difficulty, and who may sign for its application.
//!
//! What was known once is served on while no node answers; nobody who comes with a known session waits for the chain. What the
//! chain has refused is refused for a while without asking, and strangers can make only so many questions.

mod error;
mod kept;
mod rings;
mod session;
mod strangers;
mod turns;

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use relay_core::address::Address;
use relay_core::chain::Chain;
use relay_core::proto::pocket::shared::Params;
use relay_core::session::SessionHeader;
use relay_core::units::{Height, ServiceId};

pub(crate) use error::LookupError;
use kept::Kept;
use rings::Rings;
pub(crate) use session::Session;
use strangers::Strangers;
use turns::Turns;

const MOST_SESSIONS: u64 = 16_384;
/// A session that nobody used for this long is forgotten.
const SESSION_IDLE: Duration = Duration::from_hours(2);
const MOST_REFUSED: u64 = 16_384;
/// What the chain refused is not asked for again for this long.
const REFUSED_TTL: Duration = Duration::from_secs(5);
/// Parameters of now are asked for again after this long.
const PARAMS_TTL: Duration = Duration::from_secs(30);
/// How long a relay in its grace period waits for the parameters at its session's end, before those of now have to do.
const PARAMS_PATIENCE: Duration = Duration::from_millis(500);

type Key = (Address, ServiceId, Height);

/// Sessions, rings and parameters, each asked for once at a time.
pub(crate) struct Sessions {
    chain: Chain,
    known: Cache<Key, Arc<Session>>,
    refused: Cache<Key, LookupError>,
    strangers: Strangers,
    rings: Rings,
    params: Kept<(), Arc<Params>>,
    turns: Turns,
}

impl Sessions {
    pub(crate) fn new(chain: Chain, lookups: usize) -> Self {
        let turns = Turns::new(lookups);
        Self {
            rings: Rings::new(chain.clone(), turns.clone()),
            chain,
            known: Cache::builder().max_capacity(MOST_SESSIONS).time_to_idle(SESSION_IDLE).build(),
            refused: Cache::builder().max_capacity(MOST_REFUSED).time_to_live(REFUSED_TTL).build(),
            strangers: Strangers::default(),
            params: Kept::new(1, PARAMS_TTL),
            turns,
        }
    }

    /// The session that the chain has where `claimed` says it is. The two headers are not compared here.
    pub(crate) async fn session(&self, claimed: &SessionHeader) -> Result<Arc<Session>, LookupError> {
        let key = (claimed.application.clone(), claimed.service.clone(), claimed.start);
        if let Some(session) = self.known.get(&key).await {
            return Ok(session);
        }
        if let Some(refusal) = self.refused.get(&key).await {
            return Err(refusal);
        }
        // Asking is rare and its future large: on the heap it does not weigh on every relay.
        let found = Box::pin(self.known.try_get_with_by_ref(&key, self.fetch(claimed))).await;
        let found = found.map_err(|error| error.as_ref().clone());
        match &found {
            Err(refusal @ LookupError::Refused(_)) => self.refused.insert(key, refusal.clone()).await,
            // It is not what was claimed: nobody may fill our memory with such.
            Ok(session) if session.header.start != claimed.start => self.known.invalidate(&key).await,
            _ => {}
        }
        found
    }

    async fn fetch(&self, claimed: &SessionHeader) -> Result<Arc<Session>, LookupError> {
        if !self.strangers.may_ask(claimed) {
            return Err(LookupError::Unavailable("too many unknown sessions are asked for".to_owned()));
        }
        let _turn = self.turns.take().await?;
        let asked = (&claimed.application, &claimed.service, claimed.start);
        let answer = tokio::try_join!(
            self.chain.session_at(asked.0, asked.1, asked.2),
            self.chain.difficulty_at(asked.1, asked.2),
        );
        let session = match answer {
            Ok((session, target)) => Session::read(&session, target).map(Arc::new),
            Err(error) => Err(LookupError::of_session(&error)),
        };
        match &session {
            Ok(session) if session.header == *claimed => self.strangers.proven(claimed),
            Ok(_) | Err(LookupError::Refused(_)) => self.strangers.disproven(),
            Err(LookupError::Unavailable(_)) => {}
        }
        session
    }

    /// The parameters by which a session that ends at `end` has its windows: while it runs those of now, then those at its end.
    pub(crate) async fn params(&self, end: Height, now: Height) -> Result<Arc<Params>, LookupError> {
        if now > end
            && let Ok(Ok(params)) = tokio::time::timeout(PARAMS_PATIENCE, Box::pin(self.chain.params_at(end))).await
        {
            return Ok(params);
        }
        // They differ only if they were changed since this very session.
        let chain = self.chain.clone();
        self.params.get((), move || async move { chain.shared_params().await.map_err(LookupError::from) }).await
    }

    /// The keys that may sign for an application in the session that ends at `end`.
    pub(crate) async fn ring(
        &self,
        application: &Address,
        end: Height,
    ) -> Result<Arc<relay_core::ring::membership::RingKeys>, LookupError> {
        self.rings.get(application, end).await
    }

    /// The same asked for anew, because somebody signed who is not in it; `None` when that was tried a moment ago.
    pub(crate) async fn ring_anew(
        &self,
        application: &Address,
        end: Height,
    ) -> Option<Arc<relay_core::ring::membership::RingKeys>> {
        self.rings.get_anew(application, end).await
    }
}
