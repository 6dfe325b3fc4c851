use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::keys::KeyRing;
use relay_core::store::{Acquisition, Incarnation, InstanceId, LEASES_A_ROUND, Lease, StoreError};
use relay_core::telemetry::Beat;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Tenure, preferred};
use crate::config::LeaseSection;
use crate::owner::{Owner, OwnerError, Surroundings};
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

/// Holds leases and runs an owner for each.
pub struct Ownership {
    around: Arc<Surroundings>,
    keys: Keys,
    leases: LeaseSection,
    instance: InstanceId,
    owned: BTreeMap<Address, Owned>,
    reappends_until: Option<Duration>,
}

struct Owned {
    lease: Lease,
    tenure: Tenure,
    stop: CancellationToken,
    task: JoinHandle<Result<(), OwnerError>>,
}

impl Ownership {
    /// Nothing is owned yet. The instance id is new for each process, so that a lease found in an old name is never resumed.
    #[must_use]
    pub fn new(around: Arc<Surroundings>, keys: Keys, leases: LeaseSection, instance: InstanceId) -> Self {
        Self { around, keys, leases, instance, owned: BTreeMap::new(), reappends_until: None }
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
        let members = self.around.store.attend(&self.instance, &self.keys.name).await?;
        self.renew().await?;
        self.reap();
        let members: Vec<String> = members.into_iter().map(|member| member.instance.as_str().to_owned()).collect();
        let ours = self.instance.as_str();
        let wanted: HashMap<Address, bool> = self
            .keys
            .ring
            .borrow()
            .addresses()
            .map(|supplier| (supplier.clone(), preferred(supplier, &members) == Some(ours)))
            .collect();
        let others: Vec<Address> =
            self.owned.keys().filter(|supplier| !wanted.get(*supplier).copied().unwrap_or(false)).cloned().collect();
        for supplier in others {
            self.give_up(&supplier).await;
        }
        let free =
            |(supplier, ours): (Address, bool)| (ours && !self.owned.contains_key(&supplier)).then_some(supplier);
        let missing: Vec<Address> = wanted.into_iter().filter_map(free).collect();
        for round in missing.chunks(LEASES_A_ROUND) {
            for acquisition in self.around.store.acquire_all(round, &self.instance).await? {
                if let Acquisition::Acquired(lease) = acquisition {
                    self.begin(lease);
                }
            }
        }
        self.around.metrics.ownership.suppliers_owned.set(i64::try_from(self.owned.len()).unwrap_or(i64::MAX));
        Ok(())
    }

    async fn renew(&mut self) -> Result<(), StoreError> {
        let held: Vec<Lease> = self.owned.values().map(|owned| owned.lease.clone()).collect();
        for round in held.chunks(LEASES_A_ROUND) {
            let renewed = self.around.store.renew(round).await?;
            for (old, renewed) in round.iter().zip(renewed) {
                match (renewed, self.owned.get_mut(&old.supplier)) {
                    (Some(lease), Some(owned)) if owned.tenure.prolong(&lease) => owned.lease = lease,
                    _ => {
                        warn!(supplier = %old.supplier, "the lease is lost");
                        self.drop_task(&old.supplier);
                    }
                }
            }
        }
        Ok(())
    }

    /// A miner that could not renew for a whole lease must assume that another has taken over.
    fn fence_self(&mut self) {
        let now = self.around.clock.monotonic();
        let over: Vec<Address> = self
            .owned
            .iter()
            .filter(|(_, owned)| !owned.lease.lasts(now))
            .map(|(supplier, _)| supplier.clone())
            .collect();
        for supplier in over {
            warn!(%supplier, "the lease ran out without renewal; all work on the supplier stops");
            self.drop_task(&supplier);
        }
    }

    fn begin(&mut self, lease: Lease) {
        let supplier = lease.supplier.clone();
        let Some(key) = self.keys.ring.borrow().get(&supplier).cloned() else { return };
        let wallet = Wallet::new(key, self.around.chain.clone(), self.keys.chain_id.clone(), self.keys.gas.clone());
        let tenure = Tenure::new(&lease, self.around.clock);
        let (around, reappends, kept) = (self.around.clone(), self.reappends_until, tenure.clone());
        let stop = CancellationToken::new();
        let (stopped, name) = (stop.clone(), supplier.clone());
        let task = tokio::spawn(async move {
            let work =
                async { Owner::take_over(around, kept.clone(), name, wallet, reappends).await?.run(stopped).await };
            kept.keep(work).await.unwrap_or(Err(OwnerError::TenureOver))
        });
        self.owned.insert(supplier, Owned { lease, tenure, stop, task });
    }

    /// Notices owners that ended by themselves; their suppliers are taken again with a new fence.
    fn reap(&mut self) {
        let ended: Vec<Address> = self
            .owned
            .iter()
            .filter(|(_, owned)| owned.task.is_finished())
            .map(|(supplier, _)| supplier.clone())
            .collect();
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
        match self.around.store.release(std::slice::from_ref(&owned.lease)).await {
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
        let held: Vec<Lease> = self.owned.values().map(|owned| owned.lease.clone()).collect();
        for lease in &held {
            self.drop_task(&lease.supplier);
        }
        if let Err(error) = self.around.store.release(&held).await {
            warn!(%error, "old leases could not be released; they run out by themselves");
        }
    }

    /// Stops work on a supplier without another write.
    fn drop_task(&mut self, supplier: &Address) {
        if let Some(owned) = self.owned.remove(supplier) {
            owned.tenure.end();
            owned.task.abort();
            self.around.board.remove(supplier);
        }
    }
}
