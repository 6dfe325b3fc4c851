//! A world for planners: leases and heartbeats as Redis keeps them, and members that crash, sleep, and lose their connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use relay_core::address::Address;
use relay_core::store::{Fence, InstanceId};

use super::{Ended, Planner, Reason, Times};

pub(super) const TTL: Duration = Duration::from_secs(6);
pub(super) const STEP: Duration = Duration::from_millis(100);
pub(super) const TIMES: Times = Times {
    settle: Duration::from_secs(10),
    patience: TTL,
    round: Duration::from_secs(2),
    retry: Duration::from_millis(50),
};

pub(super) fn supplier(number: u8) -> Address {
    Address::from_payload(&[number; 20]).unwrap()
}

pub(super) fn keys(count: u8) -> BTreeSet<Address> {
    (0..count).map(supplier).collect()
}

pub(super) struct Member {
    pub(super) id: InstanceId,
    pub(super) planner: Planner,
    /// Its process runs: neither stopped nor suspended.
    pub(super) awake: bool,
    /// It reaches Redis.
    pub(super) linked: bool,
    keys: BTreeSet<Address>,
    /// What it believes to own, under which epoch, and until when.
    pub(super) held: BTreeMap<Address, (u64, Duration)>,
    next_round: Duration,
    next_glance: Duration,
    /// Suppliers that it gave up for others.
    pub(super) moved: usize,
}

#[derive(Default)]
pub(super) struct World {
    pub(super) now: Duration,
    born: u32,
    epochs: BTreeMap<Address, u64>,
    leases: BTreeMap<Address, (InstanceId, u64, Duration)>,
    hearts: BTreeMap<InstanceId, Duration>,
    pub(super) members: Vec<Member>,
}

impl World {
    pub(super) fn join(&mut self, keys: BTreeSet<Address>) {
        self.born += 1;
        let id = format!("m{}/1/x", self.born).parse::<Fence>().unwrap().instance;
        let mut planner = Planner::new(id.clone(), TIMES, None);
        planner.keys_are(self.now, &keys);
        self.members.push(Member {
            id,
            planner,
            awake: true,
            linked: true,
            keys,
            held: BTreeMap::new(),
            next_round: self.now,
            next_glance: self.now,
            moved: 0,
        });
    }

    /// As kill -9 does.
    pub(super) fn crash(&mut self, index: usize) {
        self.members.remove(index);
    }

    /// As SIGTERM does.
    pub(super) fn leave(&mut self, index: usize) {
        let member = self.members.remove(index);
        if member.linked {
            self.hearts.remove(&member.id);
            self.leases.retain(|_, (holder, _, _)| *holder != member.id);
        }
    }

    /// All members may change their keys while they run.
    pub(super) fn give_keys(&mut self, index: usize, keys: BTreeSet<Address>) {
        let now = self.now;
        let member = &mut self.members[index];
        member.planner.keys_are(now, &keys);
        member.keys = keys;
        let held: Vec<_> = member.held.keys().cloned().collect();
        for supplier in &held {
            member.planner.is_idle(supplier, true);
        }
    }

    /// Whoever believes to own a supplier at this moment and runs.
    pub(super) fn owners(&self, supplier: &Address) -> Vec<&InstanceId> {
        let believes =
            |member: &&Member| member.awake && member.held.get(supplier).is_some_and(|(_, ends)| self.now < *ends);
        self.members.iter().filter(believes).map(|member| &member.id).collect()
    }

    pub(super) fn ownership(&self, suppliers: &BTreeSet<Address>) -> BTreeMap<Address, Vec<InstanceId>> {
        let owners = |supplier: &Address| self.owners(supplier).into_iter().cloned().collect();
        suppliers.iter().map(|supplier| (supplier.clone(), owners(supplier))).collect()
    }

    /// Somebody that reaches Redis has the key.
    pub(super) fn can_be_owned(&self, supplier: &Address) -> bool {
        self.members.iter().any(|member| member.awake && member.linked && member.keys.contains(supplier))
    }

    pub(super) fn pass(&mut self, time: Duration, mut check: impl FnMut(&Self)) {
        let until = self.now + time;
        while self.now < until {
            self.now += STEP;
            let now = self.now;
            self.leases.retain(|_, (_, _, ends)| now < *ends);
            self.hearts.retain(|_, beat| now.saturating_sub(*beat) <= TTL);
            for index in 0..self.members.len() {
                self.step(index);
            }
            check(self);
        }
    }

    fn step(&mut self, index: usize) {
        let now = self.now;
        let Self { members, leases, hearts, epochs, .. } = self;
        let member = &mut members[index];
        if !member.awake {
            return;
        }
        let over: Vec<_> = member.held.iter().filter(|(_, (_, ends))| now >= *ends).map(|(s, _)| s.clone()).collect();
        for supplier in over {
            member.held.remove(&supplier);
            member.planner.ended(now, &supplier, Ended::Quietly);
        }
        if !member.linked {
            return;
        }
        if now >= member.next_round {
            member.next_round = now + TIMES.round;
            hearts.insert(member.id.clone(), now);
            for (supplier, (epoch, ends)) in &mut member.held {
                match leases.get_mut(supplier) {
                    Some((holder, held, until)) if *holder == member.id && held == epoch => {
                        (*ends, *until) = (now + TTL, now + TTL);
                    }
                    _ => *ends = now,
                }
            }
        }
        if now >= member.next_glance {
            member.next_glance = now + Duration::from_millis(250);
            let living = hearts.iter().map(|(id, beat)| (id.clone(), now.saturating_sub(*beat))).collect();
            member.planner.members_are(now, &living);
        }
        for supplier in member.planner.next_to_look_at(now) {
            member.planner.saw(now, &supplier, !leases.contains_key(&supplier));
        }
        let plan = member.planner.plan(now);
        for supplier in plan.acquire {
            assert!(!member.held.contains_key(&supplier), "what is held is not asked for");
            match leases.get(&supplier) {
                Some((holder, _, until)) if *holder != member.id => {
                    member.planner.refused(now, &supplier, holder, until.saturating_sub(now));
                }
                _ => {
                    let epoch = epochs.entry(supplier.clone()).and_modify(|epoch| *epoch += 1).or_insert(1);
                    leases.insert(supplier.clone(), (member.id.clone(), *epoch, now + TTL));
                    member.held.insert(supplier.clone(), (*epoch, now + TTL));
                    assert!(member.planner.took(now, &supplier));
                }
            }
        }
        for (supplier, reason) in plan.release {
            member.moved += usize::from(reason == Reason::Rebalance);
            let (epoch, _) = member.held.remove(&supplier).unwrap();
            if leases.get(&supplier).is_some_and(|(holder, held, _)| *holder == member.id && *held == epoch) {
                leases.remove(&supplier);
            }
            member.planner.ended(now, &supplier, Ended::Quietly);
        }
    }
}
