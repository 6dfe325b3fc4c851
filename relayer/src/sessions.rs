//! What the chain says about a session: its header, its suppliers, its difficulty, and who may sign for its application.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use relay_core::address::Address;
use relay_core::chain::{Chain, ChainError, RingError};
use relay_core::relay::Target;
use relay_core::ring::membership::RingKeys;
use relay_core::session::SessionHeader;
use relay_core::units::{Height, ServiceId};
use tokio::sync::Semaphore;

const MOST_SESSIONS: u64 = 16_384;
const MOST_RINGS: u64 = 16_384;
/// A gateway that is added or removed counts after this long at the latest.
const RING_TTL: Duration = Duration::from_secs(30);
/// How long a relay waits for its turn to have something looked up.
const TURN: Duration = Duration::from_secs(5);

/// A session as the chain has it. It cannot change any more.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) header: SessionHeader,
    pub(crate) suppliers: HashSet<Address>,
    pub(crate) target: Target,
}

/// Why nothing is known.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LookupError {
    /// Nothing may be concluded from it: the relay may be good.
    #[error("{0}")]
    Unavailable(String),
    /// The chain knows no such session, or no ring can be built.
    #[error("{0}")]
    Refused(String),
}

/// Sessions and rings, each asked for once at a time. An answer that cannot change is kept; a ring is asked for again after a
/// while, and served longer only when no node answers.
#[derive(Debug)]
pub(crate) struct Sessions {
    chain: Chain,
    known: Cache<(Address, ServiceId, Height), Arc<Session>>,
    rings: Cache<(Address, Height), Arc<RingKeys>>,
    turns: Semaphore,
}

impl Sessions {
    pub(crate) fn new(chain: Chain, lookups: usize) -> Self {
        Self {
            chain,
            known: Cache::new(MOST_SESSIONS),
            rings: Cache::builder().max_capacity(MOST_RINGS).time_to_live(RING_TTL).build(),
            turns: Semaphore::new(lookups),
        }
    }

    /// The session that the chain has where `claimed` says it is. The two headers are not compared here.
    pub(crate) async fn session(&self, claimed: &SessionHeader) -> Result<Arc<Session>, LookupError> {
        let key = (claimed.application.clone(), claimed.service.clone(), claimed.start);
        if let Some(session) = self.known.get(&key).await {
            return Ok(session);
        }
        // Asking is rare and its future large: on the heap it does not weigh on every relay.
        let found = Box::pin(self.known.try_get_with_by_ref(&key, self.fetch(claimed))).await;
        found.map_err(|error| error.as_ref().clone())
    }

    async fn fetch(&self, claimed: &SessionHeader) -> Result<Arc<Session>, LookupError> {
        let _turn = self.turn().await?;
        let asked = (&claimed.application, &claimed.service, claimed.start);
        let (session, target) = tokio::try_join!(
            self.chain.session_at(asked.0, asked.1, asked.2),
            self.chain.difficulty_at(asked.1, asked.2),
        )?;
        let header = session.header.as_ref().ok_or_else(|| unusable("it has no header"))?;
        let suppliers = session.suppliers.iter().map(|supplier| supplier.operator_address.parse());
        Ok(Arc::new(Session {
            header: SessionHeader::try_from(header).map_err(unusable)?,
            suppliers: suppliers.collect::<Result<_, _>>().map_err(unusable)?,
            target: Target(target),
        }))
    }

    /// The keys that may sign for an application in the session that ends at `end`.
    pub(crate) async fn ring(&self, application: &Address, end: Height) -> Result<Arc<RingKeys>, LookupError> {
        let key = (application.clone(), end);
        if let Some(ring) = self.rings.get(&key).await {
            return Ok(ring);
        }
        let fetch = async {
            let _turn = self.turn().await?;
            Ok::<_, LookupError>(Arc::new(self.chain.ring_keys(application, end).await?))
        };
        let found = Box::pin(self.rings.try_get_with(key, fetch)).await;
        found.map_err(|error| error.as_ref().clone())
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>, LookupError> {
        let waited = tokio::time::timeout(TURN, self.turns.acquire()).await;
        waited
            .ok()
            .and_then(Result::ok)
            .ok_or_else(|| LookupError::Unavailable("too many lookups at a time".to_owned()))
    }
}

fn unusable(reason: impl std::fmt::Display) -> LookupError {
    LookupError::Unavailable(format!("the chain's session cannot be used: {reason}"))
}

impl From<ChainError> for LookupError {
    fn from(error: ChainError) -> Self {
        match error {
            // The node decided. That it "refuses" may mean that the application or service is not staked.
            ChainError::NotFound { .. } | ChainError::InvalidArgument { .. } | ChainError::Refused { .. } => {
                Self::Refused(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<RingError> for LookupError {
    fn from(error: RingError) -> Self {
        match error {
            RingError::Chain(error) => error.into(),
            RingError::MissingKey(_) => Self::Refused(error.to_string()),
            RingError::Gateway(_) | RingError::Params(_) => Self::Unavailable(error.to_string()),
        }
    }
}
