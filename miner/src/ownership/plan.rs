//! What one miner does about leases next. Nothing here talks to anybody: it is told what happened and says what to do.
//!
//! A supplier that nobody owns is taken at once by the member that ranks first for it. From a live owner it is taken only for a
//! member that has been there for a while, a bounded number at a time, and by the owner's own leave. A member that ranks first
//! and does not take what is free (it lacks the key, or fails again and again) is passed over for a while.

mod standing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use relay_core::address::Address;
use relay_core::store::InstanceId;

use super::assign::ranked;
use super::members::Members;
use standing::{Ours, Standing};

/// Suppliers that are given up in one round so that others own them.
const MOVES_A_ROUND: usize = 50;
/// How long a member is passed over that did not take what was its own.
const PASSED_OVER: Duration = Duration::from_mins(10);
/// A tenure that lasted this long makes up for earlier failures.
const PROVEN: Duration = Duration::from_mins(1);

/// How fast things go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// How long a member must have been there before a live owner gives something up for it.
    pub(super) settle: Duration,
    /// How long a free supplier is left to the member that ranks first: the life of a lease.
    pub(super) patience: Duration,
    /// The pause between two rounds.
    pub(super) round: Duration,
    /// The pause before a lease is asked for again whose holder is gone.
    pub(super) retry: Duration,
}

/// Why an owned supplier is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Another member ranks higher.
    Rebalance,
    /// Its key was removed, and its sessions are over or its grace is.
    KeyRemoval,
}

/// What to do now.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Leases to ask for.
    pub(super) acquire: Vec<Address>,
    /// Suppliers whose work is to end.
    pub(super) release: Vec<(Address, Reason)>,
}

/// How a tenure of ours ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Ended {
    /// As planned, or because the lease was lost: it may be taken again at once.
    Quietly,
    /// Its work failed.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
}

/// What one miner knows about members and suppliers.
pub(super) struct Planner {
    me: InstanceId,
    times: Times,
    grace: Option<Duration>,
    members: Members,
    suppliers: BTreeMap<Address, Standing>,
    next_move: Duration,
    next_look: Duration,
}

impl Planner {
    /// `grace` is how long a supplier whose key was removed is kept; without it, until its sessions are over.
    pub(super) fn new(me: InstanceId, times: Times, grace: Option<Duration>) -> Self {
        Self {
            members: Members::new(me.clone(), times.settle, times.round * 2),
            me,
            times,
            grace,
            suppliers: BTreeMap::new(),
            next_move: Duration::ZERO,
            next_look: Duration::ZERO,
        }
    }

    /// The members that are alive now, and the time since the last heartbeat of each. `true` when that changed.
    pub(super) fn members_are(&mut self, now: Duration, living: &BTreeMap<InstanceId, Duration>) -> bool {
        let changed = self.members.note(now, living);
        if changed {
            for (supplier, standing) in &mut self.suppliers {
                standing.reorder(ranked(supplier, self.members.living()));
            }
        }
        changed
    }

    /// The suppliers whose keys we have now.
    pub(super) fn keys_are(&mut self, now: Duration, keys: &BTreeSet<Address>) {
        for supplier in keys {
            let members = &self.members;
            let fresh = || Standing::new(ranked(supplier, members.living()));
            self.suppliers.entry(supplier.clone()).or_insert_with(fresh).key_removed = None;
        }
        for (supplier, standing) in &mut self.suppliers {
            if !keys.contains(supplier) {
                standing.key_removed.get_or_insert(now);
            }
        }
        self.suppliers.retain(|_, standing| standing.key_removed.is_none() || standing.ours != Ours::No);
    }

    /// What is to be done. Released suppliers count as ending from then on, so each is named once.
    pub(super) fn plan(&mut self, now: Duration) -> Plan {
        let mut plan = Plan::default();
        let mut moves = if now >= self.next_move { MOVES_A_ROUND } else { 0 };
        for (supplier, standing) in &mut self.suppliers {
            let release = match (standing.ours, standing.key_removed) {
                (Ours::No, None) if standing.may_be_taken(now, &self.me) => {
                    plan.acquire.push(supplier.clone());
                    None
                }
                (Ours::Held, Some(since)) => {
                    let over = standing.idle || self.grace.is_some_and(|grace| now.saturating_sub(since) >= grace);
                    over.then_some(Reason::KeyRemoval)
                }
                (Ours::Held, None) if moves > 0 => {
                    let members = &self.members;
                    let better = standing.first(now, |id| members.is_settled(id, now)).is_some_and(|id| *id != self.me);
                    better.then_some(Reason::Rebalance)
                }
                _ => None,
            };
            if let Some(reason) = release {
                moves = moves.saturating_sub(usize::from(reason == Reason::Rebalance));
                standing.ours = Ours::Ending;
                plan.release.push((supplier.clone(), reason));
            }
        }
        if plan.release.iter().any(|(_, reason)| *reason == Reason::Rebalance) {
            self.next_move = now + self.times.round;
        }
        plan
    }

    /// Suppliers of others whose leases are to be looked at, now and then: somebody should hold them.
    pub(super) fn next_to_look_at(&mut self, now: Duration) -> Vec<Address> {
        if now < self.next_look {
            return Vec::new();
        }
        self.next_look = now + self.times.patience / 2;
        let others = |standing: &Standing| {
            standing.ours == Ours::No && standing.key_removed.is_none() && !standing.is_for(now, &self.me)
        };
        self.suppliers.iter().filter(|(_, standing)| others(standing)).map(|(supplier, _)| supplier.clone()).collect()
    }

    /// The lease of a supplier is ours. `false` when it is not wanted any more: its key went meanwhile.
    pub(super) fn took(&mut self, now: Duration, supplier: &Address) -> bool {
        let standing = self.suppliers.get_mut(supplier);
        standing.map(|standing| standing.took(now)).is_some()
    }

    /// Somebody else holds it, for this long unless it is renewed.
    pub(super) fn refused(&mut self, now: Duration, supplier: &Address, holder: &InstanceId, remaining: Duration) {
        let holder_lives = self.members.is_living(holder);
        let times = self.times;
        if let Some(standing) = self.suppliers.get_mut(supplier) {
            standing.refused(now, holder_lives, remaining, &times);
        }
    }

    /// Asking for leases failed.
    pub(super) fn unanswered(&mut self, now: Duration, suppliers: &[Address]) {
        for supplier in suppliers {
            if let Some(standing) = self.suppliers.get_mut(supplier) {
                standing.next_try = now + self.times.round / 4;
            }
        }
    }

    /// A look at the lease of a supplier of others.
    pub(super) fn saw(&mut self, now: Duration, supplier: &Address, is_free: bool) {
        let patience = self.times.patience;
        if let Some(standing) = self.suppliers.get_mut(supplier) {
            standing.saw(now, is_free, patience);
        }
    }

    /// The owner says whether sessions are open.
    pub(super) fn is_idle(&mut self, supplier: &Address, idle: bool) {
        if let Some(standing) = self.suppliers.get_mut(supplier) {
            standing.idle = idle;
        }
    }

    /// The supplier is not to be worked for any more; its work has not ended yet.
    pub(super) fn ending(&mut self, supplier: &Address) {
        if let Some(standing) = self.suppliers.get_mut(supplier) {
            standing.ours = Ours::Ending;
        }
    }

    /// Work on a supplier has ended.
    pub(super) fn ended(&mut self, now: Duration, supplier: &Address, how: Ended) {
        let Some(standing) = self.suppliers.get_mut(supplier) else { return };
        standing.ended(now, how);
        if standing.key_removed.is_some() {
            self.suppliers.remove(supplier);
        }
    }

    /// When a lease is to be asked for that is ours by rank.
    pub(super) fn next_try(&self, now: Duration) -> Option<Duration> {
        let waiting = |standing: &&Standing| {
            standing.ours == Ours::No && standing.key_removed.is_none() && standing.is_for(now, &self.me)
        };
        self.suppliers.values().filter(waiting).map(|standing| standing.next_try).min()
    }

    /// How many suppliers are ours by rank.
    pub(super) fn wanted(&self, now: Duration) -> usize {
        let ours = |standing: &&Standing| standing.key_removed.is_none() && standing.is_for(now, &self.me);
        self.suppliers.values().filter(ours).count()
    }

    /// The same for all if suppliers were dealt out evenly.
    pub(super) fn fair_share(&self) -> usize {
        let keys = self.suppliers.values().filter(|standing| standing.key_removed.is_none()).count();
        keys.div_ceil(self.members.count().max(1))
    }

    /// Suppliers that are still worked for although their keys are gone.
    pub(super) fn draining(&self) -> Vec<Address> {
        let draining = |standing: &Standing| standing.key_removed.is_some() && standing.ours != Ours::No;
        self.suppliers.iter().filter(|(_, standing)| draining(standing)).map(|(supplier, _)| supplier.clone()).collect()
    }
}
