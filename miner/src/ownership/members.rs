//! Which miners are there, and since when.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_core::store::InstanceId;

/// The live miners as one of them sees them. It always sees itself.
#[derive(Debug, Clone)]
pub(super) struct Members {
    me: InstanceId,
    settle: Duration,
    /// A heartbeat older than this may be the last one.
    fresh: Duration,
    others: BTreeMap<InstanceId, Seen>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    since: Duration,
    /// Time of the last heartbeat.
    heard: Duration,
}

impl Members {
    pub(super) fn new(me: InstanceId, settle: Duration, fresh: Duration) -> Self {
        Self { me, settle, fresh, others: BTreeMap::new() }
    }

    /// Takes the newest list, with the time since the last heartbeat of each. `true` when somebody came or went.
    pub(super) fn note(&mut self, now: Duration, living: &BTreeMap<InstanceId, Duration>) -> bool {
        let before = self.others.len();
        self.others.retain(|id, _| living.contains_key(id));
        let mut changed = self.others.len() != before;
        for (id, age) in living.iter().filter(|(id, _)| **id != self.me) {
            let heard = now.saturating_sub(*age);
            changed |= !self.others.contains_key(id);
            self.others.entry(id.clone()).or_insert(Seen { since: heard, heard }).heard = heard;
        }
        changed
    }

    pub(super) fn living(&self) -> impl Iterator<Item = &InstanceId> {
        std::iter::once(&self.me).chain(self.others.keys())
    }

    pub(super) fn count(&self) -> usize {
        1 + self.others.len()
    }

    pub(super) fn is_living(&self, id: &InstanceId) -> bool {
        *id == self.me || self.others.contains_key(id)
    }

    /// Whether it has been there long enough to be given what another one owns, and still is. Whoever comes and goes never is:
    /// what counts is the time between heartbeats, not the silence after the last one.
    pub(super) fn is_settled(&self, id: &InstanceId, now: Duration) -> bool {
        let stays = |seen: &Seen| {
            seen.heard.saturating_sub(seen.since) >= self.settle && now.saturating_sub(seen.heard) <= self.fresh
        };
        *id == self.me || self.others.get(id).is_some_and(stays)
    }
}
