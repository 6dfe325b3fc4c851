//! One supplier as one miner sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_core::store::InstanceId;

use super::{Ended, PASSED_OVER, PROVEN, Times};
use crate::ownership::backoff::Backoff;

/// Whether we have its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ours {
    No,
    Held,
    /// Its work is still to end, and nothing new begins before.
    Ending,
}

#[derive(Debug)]
pub(super) struct Standing {
    /// Members by rank, best first.
    order: Vec<InstanceId>,
    pub(super) ours: Ours,
    /// When its key was removed.
    pub(super) key_removed: Option<Duration>,
    /// Its owner, who is us, says that no session is open.
    pub(super) idle: bool,
    /// When its lease is asked for again.
    pub(super) next_try: Duration,
    refusals: u32,
    /// When the lease of another ends, as it last said.
    held_until: Duration,
    taken_at: Duration,
    /// Since when nobody was seen to hold its lease.
    free_since: Option<Duration>,
    /// Members that did not take it when it was free, and until when they are passed over.
    passed_over: BTreeMap<InstanceId, Duration>,
    backoff: Backoff,
}

impl Standing {
    pub(super) fn new(order: Vec<InstanceId>) -> Self {
        Self {
            order,
            ours: Ours::No,
            key_removed: None,
            idle: false,
            next_try: Duration::ZERO,
            refusals: 0,
            held_until: Duration::ZERO,
            taken_at: Duration::ZERO,
            free_since: None,
            passed_over: BTreeMap::new(),
            backoff: Backoff::default(),
        }
    }

    /// Members came or went.
    pub(super) fn reorder(&mut self, order: Vec<InstanceId>) {
        self.passed_over.retain(|id, _| order.contains(id));
        self.order = order;
        self.free_since = None;
        self.next_try = Duration::ZERO;
        self.refusals = 0;
    }

    /// The member that ranks first among those that `may`.
    pub(super) fn first(&self, now: Duration, may: impl Fn(&InstanceId) -> bool) -> Option<&InstanceId> {
        let passed_over = |id: &&InstanceId| self.passed_over.get(*id).is_some_and(|until| now < *until);
        self.order.iter().find(|id| !passed_over(id) && may(id))
    }

    /// Whether it is this member's by rank.
    pub(super) fn is_for(&self, now: Duration, member: &InstanceId) -> bool {
        self.first(now, |_| true) == Some(member)
    }

    pub(super) fn may_be_taken(&self, now: Duration, me: &InstanceId) -> bool {
        now >= self.next_try && self.backoff.is_over(now) && self.is_for(now, me)
    }

    pub(super) fn took(&mut self, now: Duration) {
        self.ours = Ours::Held;
        self.taken_at = now;
        self.idle = false;
        self.refusals = 0;
        self.free_since = None;
    }

    /// A holder that lives gives it up in its own time, which may be never. One that is gone holds it to the end of the lease;
    /// if it renews it nevertheless, it lives, whatever the list of members says (a full Redis takes no heartbeats).
    pub(super) fn refused(&mut self, now: Duration, holder_lives: bool, remaining: Duration, times: &Times) {
        self.free_since = None;
        let until = now + remaining;
        let renewed = self.refusals > 0 && until > self.held_until + times.retry;
        self.held_until = until;
        let pause = if holder_lives || renewed {
            (times.round / 4).saturating_mul(1 << self.refusals.min(8)).min(times.round)
        } else {
            remaining.clamp(Duration::from_millis(5), times.retry)
        };
        self.refusals = self.refusals.saturating_add(1);
        self.next_try = now + pause;
    }

    pub(super) fn saw(&mut self, now: Duration, is_free: bool, patience: Duration) {
        if !is_free {
            self.free_since = None;
            return;
        }
        let since = *self.free_since.get_or_insert(now);
        if now.saturating_sub(since) >= patience
            && let Some(first) = self.first(now, |_| true).cloned()
        {
            self.passed_over.insert(first, now + PASSED_OVER);
            self.free_since = Some(now);
        }
    }

    pub(super) fn ended(&mut self, now: Duration, how: Ended) {
        if self.ours == Ours::No {
            return;
        }
        self.ours = Ours::No;
        self.next_try = now;
        if now.saturating_sub(self.taken_at) >= PROVEN {
            self.backoff.worked();
        }
        if let Ended::Failed { jitter } = how {
            self.backoff.failed(now, jitter);
        }
    }
}
