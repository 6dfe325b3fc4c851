//! The one loop that looks after membership and leases. It decides and never waits: Redis is asked by tasks of its own, suppliers
//! are worked for by tasks of their own, and both report here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use relay_core::clock::Clock;
use relay_core::keys::KeyRing;
use relay_core::store::{Incarnation, InstanceId, Member, Store};
use relay_core::telemetry::Beat;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::asking::Asking;
use super::charges::Charges;
use super::hand_over::HandedOver;
use super::memory::Kept;
use super::plan::{Planner, Times};
use super::work::Work;
use crate::config::LeaseSection;
use crate::metrics::OwnershipMetrics;
use crate::status::{FleetStatus, MemberStatus, StatusBoard};

/// How often the list of members is looked at between rounds.
const GLANCE: Duration = Duration::from_millis(250);
/// The pause before a lease is asked for again whose holder is gone.
const RETRY: Duration = Duration::from_millis(50);
/// Suppliers, and bytes, whose tries are kept after a lost lease.
const KEPT: (usize, usize) = (1_000, 256 << 20);

/// What looking after leases needs.
pub struct Means {
    /// The shared state.
    pub store: Store,
    /// Monotonic time.
    pub clock: Clock,
    /// How people call this miner.
    pub name: String,
    /// The supplier keys, as they are now.
    pub ring: watch::Receiver<Arc<KeyRing>>,
    /// Counters.
    pub metrics: OwnershipMetrics,
    /// What `/status` shows.
    pub board: StatusBoard,
}

/// Holds leases, and has work done for each supplier whose lease it holds.
pub struct Ownership<W: Work> {
    pub(super) means: Means,
    pub(super) leases: LeaseSection,
    pub(super) me: InstanceId,
    pub(super) work: Arc<W>,
    pub(super) planner: Planner,
    pub(super) charges: Charges<W>,
    pub(super) asking: Asking<W>,
    pub(super) kept: Kept<W::Memory>,
    pub(super) members: Option<Vec<Member>>,
    /// When Redis last failed to answer, until it was said that it does again.
    pub(super) troubled_at: Option<Duration>,
    next_round: Duration,
    next_glance: Duration,
}

impl<W: Work> Ownership<W> {
    /// Nothing is owned yet. The instance id is new for each process, so that a lease found in an old name is never resumed.
    #[must_use]
    pub fn over(work: W, means: Means, leases: LeaseSection, me: InstanceId) -> Self {
        let work = Arc::new(work);
        let times = Times { settle: leases.settle.0, patience: leases.ttl.0, round: leases.renew.0, retry: RETRY };
        Self {
            planner: Planner::new(me.clone(), times, leases.drain_removed_keys.map(|grace| grace.0)),
            charges: Charges::new(work.clone(), leases.take_overs),
            asking: Asking::new(means.store.clone(), me.clone(), means.name.clone(), work.clone()),
            kept: Kept::new(KEPT.0, KEPT.1),
            members: None,
            troubled_at: None,
            next_round: Duration::ZERO,
            next_glance: Duration::ZERO,
            means,
            leases,
            me,
            work,
        }
    }

    /// Owns suppliers until told to stop, then hands them over at once.
    pub async fn run(
        mut self,
        mut incarnation: watch::Receiver<Incarnation>,
        beat: Beat,
        stop: CancellationToken,
    ) -> HandedOver {
        info!(instance = %self.me, "leases are looked after");
        incarnation.mark_unchanged();
        self.keys_changed();
        let mut ring = self.means.ring.clone();
        loop {
            self.turn(&beat);
            let heard = self.charges.heard.clone();
            let pause = self.pause();
            tokio::select! {
                () = stop.cancelled() => break,
                changed = incarnation.changed() => {
                    if changed.is_err() { break }
                    self.start_anew();
                }
                // Without a sender the keys never change again.
                Ok(()) = ring.changed() => self.keys_changed(),
                answer = self.asking.answer() => self.hear(answer),
                over = self.charges.ended() => self.work_ended(over),
                () = heard.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.hand_over().await
    }

    pub(super) fn now(&self) -> Duration {
        self.means.clock.monotonic()
    }

    /// Everything that is due.
    fn turn(&mut self, beat: &Beat) {
        let now = self.now();
        if now >= self.next_round {
            self.round(now, beat);
        } else if now >= self.next_glance && !self.asking.is_looking_at_members() {
            self.next_glance = now + GLANCE;
            self.asking.glance();
        }
        for supplier in self.charges.run_out() {
            self.lose(&supplier, false);
        }
        for supplier in self.planner.draining() {
            let idle = self.charges.get_mut(&supplier).is_some_and(|charge| charge.desk.is_idle());
            self.planner.is_idle(&supplier, idle);
        }
        // Before anybody told who lives, nothing can be said about who should own what.
        if self.members.is_some() {
            let others = self.planner.next_to_look_at(now);
            self.asking.look_at(&others);
            if !self.asking.is_acquiring() {
                self.carry_out(now);
            }
        }
        self.charges.line_up_unknown(now);
        let kept = &mut self.kept;
        self.charges.begin(now, |lease| kept.take(&lease.supplier, &lease.fence));
    }

    /// Shows that we live and renews all leases.
    fn round(&mut self, now: Duration, beat: &Beat) {
        beat.tick();
        if self.asking.is_renewing() {
            self.means.metrics.rounds_missed.inc();
            self.next_round = now + GLANCE;
            return;
        }
        self.next_round = now + self.leases.renew.0;
        self.next_glance = now + GLANCE;
        self.asking.attend();
        let leases = self.charges.leases();
        self.asking.renew(&leases);
        self.report(now);
    }

    fn carry_out(&mut self, now: Duration) {
        let plan = self.planner.plan(now);
        self.asking.acquire(&plan.acquire);
        let mut idle = Vec::new();
        for (supplier, reason) in plan.release {
            info!(%supplier, ?reason, "a supplier is given up");
            self.means.metrics.drain_decided(reason);
            if let Some(charge) = self.charges.stop(&supplier) {
                idle.push(charge.lease);
                self.let_go(now, &supplier);
            }
        }
        self.asking.release(&idle);
    }

    /// How long nothing is due.
    fn pause(&self) -> Duration {
        let now = self.now();
        let mut due = self.next_round.min(self.next_glance.max(now + RETRY));
        if !self.asking.is_acquiring()
            && let Some(next) = self.planner.next_try(now)
        {
            due = due.min(next.max(now + RETRY));
        }
        due.saturating_sub(now)
    }

    fn keys_changed(&mut self) {
        let now = self.now();
        let ring = self.means.ring.borrow().clone();
        let keys: BTreeSet<_> = ring.addresses().cloned().collect();
        let before = self.planner.draining().len();
        self.planner.keys_are(now, &keys);
        let draining = self.planner.draining();
        if draining.len() > before {
            warn!(
                suppliers = draining.len(),
                "keys were removed; their suppliers are worked for until their sessions end"
            );
        }
    }

    /// Redis is not the one it was: what is in memory may be ahead of it. Everything is read again, under new leases.
    fn start_anew(&mut self) {
        warn!("Redis changed its incarnation; all suppliers are taken again");
        self.work.redis_changed();
        self.kept.clear();
        let all: Vec<_> = self.charges.iter().map(|(supplier, _)| supplier.clone()).collect();
        for supplier in all {
            self.lose(&supplier, true);
        }
    }

    /// What metrics and `/status` show.
    fn report(&self, now: Duration) {
        let (wanted, owned) = (self.planner.wanted(now), self.charges.len());
        let oldest = self.charges.iter().map(|(_, charge)| now.saturating_sub(charge.since)).max();
        let metrics = &self.means.metrics;
        metrics.counts(owned, self.charges.working(), self.planner.fair_share(), oldest.unwrap_or_default());
        let named = |member: &Member| MemberStatus { instance: member.instance.clone(), name: member.about.clone() };
        self.means.board.publish_fleet(FleetStatus {
            instance: Some(self.me.clone()),
            members: self.members.iter().flatten().map(named).collect(),
            keys: self.means.ring.borrow().len(),
            wanted,
            owned,
            draining: self.planner.draining(),
        });
    }
}
