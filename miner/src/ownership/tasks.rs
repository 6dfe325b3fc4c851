use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::keys::KeyRing;
use relay_core::store::{Fence, Incarnation, InstanceId, StoreError};
use relay_core::telemetry::Beat;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::preferred;
use crate::config::LeaseSection;
use crate::owner::{Owner, OwnerError, Surroundings};
use crate::submission::{GasPolicy, Wallet};

/// After Redis changed its incarnation relayers append again what it lost; they notice within two seconds. Sessions stay open
/// that long, deadlines permitting.
const REAPPENDS_TAKE: Duration = Duration::from_secs(5);

/// What the wallets of all suppliers need.
pub struct Keys {
    /// The supplier keys.
    pub ring: KeyRing,
    /// The chain id that transactions are signed for.
    pub chain_id: String,
    /// What is paid for gas.
    pub gas: GasPolicy,
}

/// Holds leases and runs an owner for each.
pub struct Ownership {
    around: Arc<Surroundings>,
    keys: Keys,
    leases: LeaseSection,
    instance: InstanceId,
    owned: BTreeMap<Address, Owned>,
    /// When the last successful renewal of all leases began. Beyond one `ttl` after it nothing is ours any more.
    renewed_at: Duration,
    reappends_until: Option<Duration>,
}

struct Owned {
    fence: Fence,
    stop: CancellationToken,
    task: JoinHandle<Result<(), OwnerError>>,
}

impl Ownership {
    /// Nothing is owned yet. The instance id is new for each process, so that a lease found in an old name is never resumed.
    #[must_use]
    pub fn new(around: Arc<Surroundings>, keys: Keys, leases: LeaseSection, instance: InstanceId) -> Self {
        let renewed_at = around.clock.monotonic();
        Self { around, keys, leases, instance, owned: BTreeMap::new(), renewed_at, reappends_until: None }
    }

    /// Owns suppliers until told to stop, then hands them over at once.
    pub async fn run(mut self, mut incarnation: watch::Receiver<Incarnation>, beat: Beat, stop: CancellationToken) {
        incarnation.mark_unchanged();
        loop {
            beat.tick();
            if let Err(error) = self.round().await {
                warn!(%error, "leases could not be looked after");
            }
            self.fence_self();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = incarnation.changed() => {
                    if changed.is_err() { break }
                    self.start_anew().await;
                }
                () = tokio::time::sleep(self.leases.renew.0) => {}
            }
        }
        self.hand_over().await;
    }

    /// One round: show that we live, renew, give up what is another's, take what is ours.
    async fn round(&mut self) -> Result<(), StoreError> {
        let ttl = self.leases.ttl.0;
        self.around.store.heartbeat(&self.instance, ttl).await?;
        self.renew().await?;
        self.reap();
        let members = self.around.store.members().await?;
        let members: Vec<String> = members.iter().map(ToString::to_string).collect();
        let ours = self.instance.to_string();
        let wanted: HashMap<Address, bool> = self
            .keys
            .ring
            .addresses()
            .map(|supplier| (supplier.clone(), preferred(supplier, &members) == Some(ours.as_str())))
            .collect();
        let others: Vec<Address> = self.owned.keys().filter(|supplier| !wanted.get(*supplier).copied().unwrap_or(false)).cloned().collect();
        for supplier in others {
            self.give_up(&supplier).await;
        }
        for (supplier, _) in wanted.into_iter().filter(|(_, ours)| *ours) {
            if !self.owned.contains_key(&supplier) {
                self.take(supplier).await?;
            }
        }
        self.around.metrics.suppliers_owned.set(i64::try_from(self.owned.len()).unwrap_or(i64::MAX));
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), StoreError> {
        let began = self.around.clock.monotonic();
        let held: Vec<(Address, Fence)> = self.owned.iter().map(|(supplier, owned)| (supplier.clone(), owned.fence.clone())).collect();
        let renewed = self.around.store.renew(&held, self.leases.ttl.0).await?;
        self.renewed_at = began;
        for ((supplier, _), still_ours) in held.into_iter().zip(renewed) {
            if !still_ours {
                warn!(%supplier, "the lease is another's now");
                self.drop_task(&supplier);
            }
        }
        Ok(())
    }

    /// A miner that could not renew for a whole lease must assume that another has taken over.
    fn fence_self(&mut self) {
        if !self.owned.is_empty() && self.around.clock.monotonic().saturating_sub(self.renewed_at) >= self.leases.ttl.0 {
            warn!(suppliers = self.owned.len(), "leases ran out without renewal; all work on them stops");
            self.drop_all();
        }
    }

    async fn take(&mut self, supplier: Address) -> Result<(), StoreError> {
        let Some(key) = self.keys.ring.get(&supplier).cloned() else { return Ok(()) };
        let Some(fence) = self.around.store.acquire(&supplier, &self.instance, self.leases.ttl.0).await? else { return Ok(()) };
        let wallet = Wallet::new(key, self.around.chain.clone(), self.keys.chain_id.clone(), self.keys.gas.clone());
        let (around, token, reappends) = (self.around.clone(), fence.clone(), self.reappends_until);
        let stop = CancellationToken::new();
        let (stopped, name) = (stop.clone(), supplier.clone());
        let task = tokio::spawn(async move {
            Owner::take_over(around, token, name, wallet, reappends).await?.run(stopped).await
        });
        self.owned.insert(supplier, Owned { fence, stop, task });
        Ok(())
    }

    /// Notices owners that ended by themselves; their suppliers are taken again with a new fence.
    fn reap(&mut self) {
        let ended: Vec<Address> = self.owned.iter().filter(|(_, owned)| owned.task.is_finished()).map(|(supplier, _)| supplier.clone()).collect();
        for supplier in ended {
            self.drop_task(&supplier);
        }
    }

    /// Ends the work on a supplier in good order and lets the next owner start at once.
    async fn give_up(&mut self, supplier: &Address) {
        let Some(owned) = self.owned.remove(supplier) else { return };
        owned.stop.cancel();
        match owned.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%supplier, %error, "the owner ended with an error"),
            Err(error) => warn!(%supplier, %error, "the owner's task failed"),
        }
        self.around.board.remove(supplier);
        match self.around.store.release(supplier, &owned.fence).await {
            Ok(()) => info!(%supplier, "handed over"),
            Err(error) => warn!(%supplier, %error, "the lease could not be released; it runs out by itself"),
        }
    }

    async fn hand_over(mut self) {
        let all: Vec<Address> = self.owned.keys().cloned().collect();
        for supplier in all {
            self.give_up(&supplier).await;
        }
        if let Err(error) = self.around.store.leave(&self.instance).await {
            warn!(%error, "could not sign off; the other miners notice within one lease");
        }
    }

    /// Redis is not the one it was: what is in memory may be ahead of it. Everything is read again, under new leases.
    async fn start_anew(&mut self) {
        warn!("Redis changed its incarnation; all suppliers are taken again");
        self.reappends_until = Some(self.around.clock.monotonic() + REAPPENDS_TAKE);
        let held: Vec<(Address, Fence)> = self.owned.iter().map(|(supplier, owned)| (supplier.clone(), owned.fence.clone())).collect();
        self.drop_all();
        for (supplier, fence) in held {
            if let Err(error) = self.around.store.release(&supplier, &fence).await {
                warn!(%supplier, %error, "an old lease could not be released");
            }
        }
    }

    fn drop_all(&mut self) {
        let all: Vec<Address> = self.owned.keys().cloned().collect();
        for supplier in all {
            self.drop_task(&supplier);
        }
    }

    /// Stops work on a supplier without another write.
    fn drop_task(&mut self, supplier: &Address) {
        if let Some(owned) = self.owned.remove(supplier) {
            owned.task.abort();
            self.around.board.remove(supplier);
        }
    }
}
