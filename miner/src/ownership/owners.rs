//! The work that owning a supplier means here: reading its log and taking its sessions to settlement.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use relay_core::address::Address;
use relay_core::keys::KeyRing;
use relay_core::store::{InstanceId, StoreError};
use relay_core::units::Height;
use tokio::sync::watch;

use super::rounds::{Means, Ownership};
use super::work::{End, Mandate, Work};
use crate::config::LeaseSection;
use crate::owner::{Memory, Owner, OwnerError, Surroundings};
use crate::submission::{GasPolicy, Wallet};

/// After Redis changed its incarnation relayers append again what it lost; they notice within two seconds. Sessions stay open
/// that long, deadlines permitting.
const REAPPENDS_TAKE: Duration = Duration::from_secs(5);

/// What the wallets of all suppliers need.
pub struct Keys {
    /// How people call this miner.
    pub name: String,
    /// The supplier keys, as they are now.
    pub ring: watch::Receiver<Arc<KeyRing>>,
    /// The chain id that transactions are signed for.
    pub chain_id: String,
    /// What is paid for gas.
    pub gas: GasPolicy,
}

/// Makes an owner for each supplier.
pub struct Owners {
    around: Arc<Surroundings>,
    keys: Keys,
    reappends_until: Mutex<Option<Duration>>,
}

impl Ownership<Owners> {
    /// Leases of suppliers whose sessions are taken to settlement.
    #[must_use]
    pub fn new(around: Arc<Surroundings>, keys: Keys, leases: LeaseSection, instance: InstanceId) -> Self {
        let means = Means {
            store: around.store.clone(),
            clock: around.clock,
            name: keys.name.clone(),
            ring: keys.ring.clone(),
            metrics: around.metrics.ownership.clone(),
            board: around.board.clone(),
        };
        Self::over(Owners { around, keys, reappends_until: Mutex::new(None) }, means, leases, instance)
    }
}

impl Owners {
    fn reappends_until(&self) -> Option<Duration> {
        *self.reappends_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work for Owners {
    type Memory = Memory;

    /// The nearest deadline is that of the session that ends first.
    async fn deadlines(&self, suppliers: &[Address]) -> Result<Vec<Option<Height>>, StoreError> {
        let heads = self.around.store.poll(suppliers).await?;
        let first = |sessions: &[relay_core::store::SessionSummary]| sessions.iter().map(|one| one.header.end).min();
        Ok(heads.iter().map(|heads| first(&heads.sessions)).collect())
    }

    async fn own(&self, mandate: Mandate<Memory>) -> End<Memory> {
        let Mandate { supplier, tenure, stop, memory, desk } = mandate;
        let key = self.keys.ring.borrow().get(&supplier).cloned();
        let Some(key) = key else { return End::Stopped };
        let wallet = Wallet::new(key, self.around.chain.clone(), self.keys.chain_id.clone(), self.keys.gas.clone());
        let take_over =
            Owner::take_over(self.around.clone(), tenure.clone(), supplier, wallet, self.reappends_until(), memory);
        let mut owner = tokio::select! {
            () = stop.cancelled() => return End::Stopped,
            owner = tenure.keep(take_over) => match owner {
                None => return End::Lost { memory: None, fenced: false },
                Some(Err(error)) => return end_of(error, None),
                Some(Ok(owner)) => owner,
            },
        };
        match tenure.keep(owner.run(&stop, &desk)).await {
            Some(Ok(())) => End::Stopped,
            Some(Err(error)) => end_of(error, Some(owner.into_memory())),
            None => End::Lost { memory: Some(owner.into_memory()), fenced: false },
        }
    }

    fn redis_changed(&self) {
        let until = self.around.clock.monotonic() + REAPPENDS_TAKE;
        *self.reappends_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }
}

fn end_of(error: OwnerError, memory: Option<Memory>) -> End<Memory> {
    match error {
        OwnerError::Store(StoreError::FenceLost) => End::Lost { memory, fenced: true },
        OwnerError::IncarnationChanged => End::Lost { memory: None, fenced: false },
        error => End::Failed(error.to_string()),
    }
}
