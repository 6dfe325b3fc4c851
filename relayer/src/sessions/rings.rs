use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use relay_core::address::Address;
use relay_core::chain::{Chain, RingError};
use relay_core::ring::membership::RingKeys;
use relay_core::session::Grid;
use relay_core::units::Height;

use super::LookupError;
use super::kept::Kept;
use super::turns::Turns;

const MOST_RINGS: u64 = 16_384;
/// A gateway that is removed counts for this long at most; on chain it counts until its session is over.
const RING_TTL: Duration = Duration::from_secs(30);
/// Strangers make a ring be asked for anew this often at most, for each application.
const ANEW_PAUSE: Duration = Duration::from_secs(3);

/// Who may sign, by application and session end. The first relay of a session sees the application as it is then: whoever was
/// removed in an earlier session is out.
pub(super) struct Rings {
    chain: Chain,
    turns: Turns,
    known: Kept<(Address, Height), Arc<RingKeys>>,
    anew: Cache<Address, ()>,
}

impl Rings {
    pub(super) fn new(chain: Chain, turns: Turns) -> Self {
        let anew = Cache::builder().max_capacity(MOST_RINGS).time_to_live(ANEW_PAUSE).build();
        Self { chain, turns, known: Kept::new(MOST_RINGS, RING_TTL), anew }
    }

    pub(super) async fn get(&self, application: &Address, end: Height) -> Result<Arc<RingKeys>, LookupError> {
        self.known.get((application.clone(), end), || self.fetch(application, end, false)).await
    }

    pub(super) async fn get_anew(&self, application: &Address, end: Height) -> Option<Arc<RingKeys>> {
        if !self.anew.entry_by_ref(application).or_insert(()).await.is_fresh() {
            return None;
        }
        let ring = Box::pin(self.fetch(application, end, true)).await.ok()?;
        self.known.put((application.clone(), end), Arc::clone(&ring)).await;
        Some(ring)
    }

    fn fetch(
        &self,
        application: &Address,
        end: Height,
        anew: bool,
    ) -> impl Future<Output = Result<Arc<RingKeys>, LookupError>> + Send + use<> {
        let (chain, turns, application) = (self.chain.clone(), self.turns.clone(), application.clone());
        async move {
            let _turn = turns.take().await?;
            if anew {
                chain.application_now(&application).await?;
            } else {
                // What the pool knows of it does, if it was read in this very session.
                let start = Grid::new(&*chain.shared_params().await?).map_err(RingError::from)?.start(end);
                chain.application_since(&application, start).await?;
            }
            Ok(Arc::new(chain.ring_keys(&application, end).await?))
        }
    }
}
