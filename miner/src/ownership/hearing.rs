//! What happened: answers of Redis, and work that ended.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::store::{Acquisition, Lease, Member, StoreError};
use relay_core::units::Height;
use tracing::{error, info, warn};

use super::Tenure;
use super::asking::Answer;
use super::charges::Over;
use super::plan::Ended;
use super::rounds::Ownership;
use super::work::{End, Work};

/// Without an error for this long, Redis counts as answering again.
const CALM: Duration = Duration::from_secs(5);

impl<W: Work> Ownership<W> {
    pub(super) fn hear(&mut self, answer: Answer) {
        let now = self.now();
        match answer {
            Answer::Members(outcome) => {
                if let Some(members) = self.heard(outcome) {
                    self.members_are(now, members);
                }
            }
            Answer::Renewed { asked, outcome } => {
                if let Some(renewed) = self.heard(outcome) {
                    asked.iter().zip(renewed).for_each(|(lease, renewed)| self.renewed(lease, renewed));
                }
            }
            Answer::Acquired { asked, outcome } => match self.heard(outcome) {
                Some(acquired) => self.acquired(now, &asked, acquired),
                None => self.planner.unanswered(now, &asked),
            },
            Answer::Holders { asked, outcome } => {
                for (supplier, holder) in asked.iter().zip(self.heard(outcome).unwrap_or_default()) {
                    self.planner.saw(now, supplier, holder.is_none());
                }
            }
            Answer::Released { leases, outcome } => {
                if self.heard(outcome).is_none() {
                    warn!(leases = leases.len(), "leases could not be given back; they run out by themselves");
                }
            }
            Answer::Deadlines { asked, outcome } => {
                let deadlines = self.heard(outcome);
                for (index, supplier) in asked.iter().enumerate() {
                    let turn = deadlines
                        .as_ref()
                        .map_or(Height(0), |all| all.get(index).copied().flatten().unwrap_or(Height(i64::MAX)));
                    self.charges.line_up(supplier, turn);
                }
            }
        }
    }

    /// Says once that Redis does not answer, and once that it has for a while again.
    fn heard<T>(&mut self, outcome: Result<T, StoreError>) -> Option<T> {
        let now = self.now();
        match outcome {
            Ok(value) => {
                if self.troubled_at.is_some_and(|at| now.saturating_sub(at) >= CALM) {
                    self.troubled_at = None;
                    info!("leases are looked after again");
                }
                Some(value)
            }
            Err(error) => {
                if self.troubled_at.replace(now).is_none() {
                    warn!(%error, "leases could not be looked after");
                }
                None
            }
        }
    }

    fn members_are(&mut self, now: Duration, members: Vec<Member>) {
        let living: BTreeMap<_, _> = members.iter().map(|member| (member.instance.clone(), member.age)).collect();
        self.members = Some(members);
        if self.planner.members_are(now, &living) {
            info!(members = living.len(), "members came or went");
        }
    }

    fn renewed(&mut self, asked: &Lease, renewed: Option<Lease>) {
        let Some(charge) = self.charges.get_mut(&asked.supplier).filter(|charge| charge.lease.fence == asked.fence)
        else {
            return;
        };
        self.means.metrics.margin.observe(charge.tenure.remaining().as_secs_f64());
        match renewed {
            Some(lease) if charge.tenure.prolong(&lease) => charge.lease = lease,
            _ => {
                warn!(supplier = %asked.supplier, "the lease is lost");
                self.lose(&asked.supplier, false);
            }
        }
    }

    fn acquired(&mut self, now: Duration, asked: &[Address], outcomes: Vec<Acquisition>) {
        let (mut begun, mut unwanted) = (Vec::new(), Vec::new());
        for (supplier, outcome) in asked.iter().zip(outcomes) {
            match outcome {
                Acquisition::HeldBy { fence, remaining } => {
                    self.planner.refused(now, supplier, &fence.instance, remaining);
                }
                Acquisition::Acquired(lease) if self.planner.took(now, supplier) => {
                    self.means.metrics.claimed(supplier, &self.means.name);
                    let tenure = Tenure::new(&lease, self.means.clock);
                    self.charges.add(lease, tenure, now);
                    begun.push(supplier.clone());
                }
                // Its key went while we asked.
                Acquisition::Acquired(lease) => unwanted.push(lease),
            }
        }
        self.asking.deadlines(&begun);
        self.asking.release(&unwanted);
    }

    /// Stops all work on a supplier without another write.
    pub(super) fn lose(&mut self, supplier: &Address, forget: bool) {
        self.means.metrics.lost.inc();
        self.planner.ending(supplier);
        if self.charges.lose(supplier, forget).is_some() {
            let now = self.now();
            self.let_go(now, supplier);
        }
    }

    /// Notes that a supplier is not worked for any more, in good order.
    pub(super) fn let_go(&mut self, now: Duration, supplier: &Address) {
        self.means.metrics.released(supplier, &self.means.name);
        self.means.board.remove(supplier);
        self.planner.ended(now, supplier, Ended::Quietly);
    }

    /// Gives leases back whose work has ended, all that have by now in one go.
    pub(super) fn work_ended(&mut self, first: Over<W::Memory>) {
        let now = self.now();
        let mut all = vec![first];
        all.extend(self.charges.ended_already());
        let mut back = Vec::new();
        for over in all {
            if let Some(lease) = self.after(now, over) {
                back.push(lease);
            }
        }
        self.asking.release(&back);
    }

    /// The lease that is to be given back, unless it is lost anyway or taken anew at once.
    fn after(&mut self, now: Duration, over: Over<W::Memory>) -> Option<Lease> {
        let forget = over.is_to_be_forgotten();
        let lease = over.charge.lease;
        let supplier = lease.supplier.clone();
        match over.end {
            Ok(End::Stopped) => {
                info!(%supplier, "handed over");
                self.let_go(now, &supplier);
                return Some(lease);
            }
            Ok(End::Lost { memory, fenced }) => {
                self.means.metrics.fenced.inc_by(u64::from(fenced));
                if let Some(memory) = memory.filter(|_| !forget) {
                    self.kept.put(supplier.clone(), lease.fence, memory, now);
                }
                self.let_go(now, &supplier);
                return None;
            }
            Ok(End::Failed(reason)) => {
                warn!(%supplier, reason, "the owner of a supplier failed; it is taken again after a pause");
                self.means.metrics.failures.inc();
            }
            Err(reason) if reason.is_panic() => {
                error!(%supplier, %reason, "the owner of a supplier panicked; it is taken again after a pause");
                self.means.metrics.panics.inc();
            }
            Err(_) => {}
        }
        self.let_go_after_failure(now, &supplier);
        Some(lease)
    }

    fn let_go_after_failure(&mut self, now: Duration, supplier: &Address) {
        self.means.metrics.released(supplier, &self.means.name);
        self.means.board.remove(supplier);
        self.planner.ended(now, supplier, Ended::Failed { jitter: rand::random() });
    }
}
