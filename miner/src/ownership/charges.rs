//! The suppliers whose leases we hold, and the tasks that work for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::store::Lease;
use relay_core::units::Height;
use tokio::sync::Notify;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Tenure;
use super::work::{Desk, End, Mandate, Work};

/// An owner that takes longer than this to catch up does not keep the others from beginning.
const CATCHING_UP: Duration = Duration::from_secs(30);

/// After this long a supplier whose deadlines nobody told is taken to be urgent.
const TURN_UNKNOWN: Duration = Duration::from_secs(5);

/// One supplier whose lease we hold or held.
pub(super) struct Charge {
    pub(super) lease: Lease,
    pub(super) tenure: Tenure,
    pub(super) desk: Desk,
    pub(super) since: Duration,
    stop: CancellationToken,
    stage: Stage,
    /// What it leaves in memory is of no use any more.
    forget: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It waits for its turn.
    Waiting {
        turn: Option<Height>,
    },
    Working {
        since: Duration,
    },
}

/// A supplier whose work is over.
pub(super) struct Over<M> {
    pub(super) charge: Charge,
    pub(super) end: Result<End<M>, JoinError>,
}

impl<M> Over<M> {
    pub(super) fn is_to_be_forgotten(&self) -> bool {
        self.charge.forget
    }
}

/// All of them. One task a supplier at any time.
pub(super) struct Charges<W: Work> {
    work: Arc<W>,
    most_starting: usize,
    all: BTreeMap<Address, Charge>,
    queue: BTreeSet<(Height, Address)>,
    tasks: JoinSet<End<W::Memory>>,
    names: HashMap<Id, Address>,
    /// Told when an owner has caught up.
    pub(super) heard: Arc<Notify>,
}

impl<W: Work> Charges<W> {
    pub(super) fn new(work: Arc<W>, most_starting: usize) -> Self {
        Self {
            work,
            most_starting,
            all: BTreeMap::new(),
            queue: BTreeSet::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            heard: Arc::new(Notify::new()),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn working(&self) -> usize {
        self.tasks.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Address, &Charge)> {
        self.all.iter()
    }

    pub(super) fn get_mut(&mut self, supplier: &Address) -> Option<&mut Charge> {
        self.all.get_mut(supplier)
    }

    /// Leases that are to be renewed.
    pub(super) fn leases(&self) -> Vec<Lease> {
        let lasting = |charge: &&Charge| charge.tenure.lasts(Duration::ZERO);
        self.all.values().filter(lasting).map(|charge| charge.lease.clone()).collect()
    }

    /// Takes charge of a supplier. Its work begins when its turn is known and has come.
    pub(super) fn add(&mut self, lease: Lease, tenure: Tenure, now: Duration) {
        let charge = Charge {
            tenure,
            desk: Desk::new(self.heard.clone()),
            since: now,
            stop: CancellationToken::new(),
            stage: Stage::Waiting { turn: None },
            forget: false,
            lease,
        };
        self.all.insert(charge.lease.supplier.clone(), charge);
    }

    /// Puts a supplier in line by the height by which something must be done for it.
    pub(super) fn line_up(&mut self, supplier: &Address, turn: Height) {
        if let Some(Charge { stage: Stage::Waiting { turn: turn_of }, .. }) = self.all.get_mut(supplier)
            && turn_of.is_none()
        {
            *turn_of = Some(turn);
            self.queue.insert((turn, supplier.clone()));
        }
    }

    /// Lines up, ahead of all, those whose turn could not be learnt.
    pub(super) fn line_up_unknown(&mut self, now: Duration) {
        for (supplier, charge) in &mut self.all {
            let late = now.saturating_sub(charge.since) >= TURN_UNKNOWN;
            if late && charge.stage == (Stage::Waiting { turn: None }) {
                charge.stage = Stage::Waiting { turn: Some(Height(0)) };
                self.queue.insert((Height(0), supplier.clone()));
            }
        }
    }

    /// Begins work on those whose turn it is. `memory` gives what an earlier tenure left.
    pub(super) fn begin(&mut self, now: Duration, mut memory: impl FnMut(&Lease) -> Option<W::Memory>) {
        if self.queue.is_empty() {
            return;
        }
        let starting = |charge: &&Charge| {
            let young = |since| now.saturating_sub(since) < CATCHING_UP;
            matches!(charge.stage, Stage::Working { since } if young(since)) && !charge.desk.has_caught_up()
        };
        let mut starting = self.all.values().filter(starting).count();
        while starting < self.most_starting
            && let Some((_, supplier)) = self.queue.pop_first()
        {
            let Some(charge) = self.all.get_mut(&supplier) else { continue };
            charge.stage = Stage::Working { since: now };
            let mandate = Mandate {
                supplier: supplier.clone(),
                tenure: charge.tenure.clone(),
                stop: charge.stop.clone(),
                memory: memory(&charge.lease),
                desk: charge.desk.clone(),
            };
            let work = self.work.clone();
            let task = self.tasks.spawn(async move { work.own(mandate).await });
            self.names.insert(task.id(), supplier);
            starting += 1;
        }
    }

    /// Tells the work on a supplier to end. Gives the charge back if there was none yet.
    pub(super) fn stop(&mut self, supplier: &Address) -> Option<Charge> {
        let charge = self.all.get(supplier)?;
        charge.stop.cancel();
        self.remove_waiting(supplier)
    }

    /// No more writes for a supplier. Gives the charge back if there was no work on it yet; else it ends at once.
    pub(super) fn lose(&mut self, supplier: &Address, forget: bool) -> Option<Charge> {
        let charge = self.all.get_mut(supplier)?;
        charge.tenure.end();
        charge.forget |= forget;
        self.remove_waiting(supplier)
    }

    /// Suppliers whose tenure ran out while they were waiting for their turn.
    pub(super) fn run_out(&self) -> Vec<Address> {
        let over =
            |charge: &Charge| matches!(charge.stage, Stage::Waiting { .. }) && !charge.tenure.lasts(Duration::ZERO);
        self.all.iter().filter(|(_, charge)| over(charge)).map(|(supplier, _)| supplier.clone()).collect()
    }

    fn remove_waiting(&mut self, supplier: &Address) -> Option<Charge> {
        let Stage::Waiting { turn } = self.all.get(supplier)?.stage else { return None };
        if let Some(turn) = turn {
            self.queue.remove(&(turn, supplier.clone()));
        }
        self.all.remove(supplier)
    }

    /// Waits for work to end; for ever while there is none.
    pub(super) async fn ended(&mut self) -> Over<W::Memory> {
        loop {
            match self.tasks.join_next_with_id().await {
                None => std::future::pending().await,
                Some(ended) => {
                    if let Some(over) = self.over(ended) {
                        return over;
                    }
                }
            }
        }
    }

    /// Work that has ended already.
    pub(super) fn ended_already(&mut self) -> Vec<Over<W::Memory>> {
        let mut all = Vec::new();
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            all.extend(self.over(ended));
        }
        all
    }

    fn over(&mut self, ended: Result<(Id, End<W::Memory>), JoinError>) -> Option<Over<W::Memory>> {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let supplier = self.names.remove(&id)?;
        let charge = self.all.remove(&supplier)?;
        Some(Over { charge, end: ended.map(|(_, end)| end) })
    }

    /// Ends everything without another write. What stands in the middle of a step is left to itself.
    pub(super) fn abandon(&mut self) -> usize {
        for charge in self.all.values() {
            charge.tenure.end();
        }
        self.tasks.abort_all();
        self.all.len()
    }
}
