//! Do copies on replicas count, and how many? They do where a replica may take over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::link::Terms;

/// Beyond the window of a fail-over: for clocks, and for the time that a look takes.
const MARGIN: Duration = Duration::from_secs(10);
/// Redis' defaults: a replica of a cluster whose data is older than ten node time-outs and a ping period does not stand for election.
const CLUSTER_WINDOW: Duration = Duration::from_secs(160);

/// What has to be on replicas before it counts as durable.
#[derive(Debug)]
pub(super) struct Copies {
    /// Redis' own `min-replicas-to-write`.
    demanded: u64,
    clustered: bool,
    /// As the Sentinels say: how many replicas there are, and the window in milliseconds.
    known: AtomicU64,
    window: AtomicU64,
}

impl Copies {
    pub(super) fn new(demanded: u64, clustered: bool) -> Self {
        let window = if clustered { CLUSTER_WINDOW } else { Duration::ZERO };
        Self { demanded, clustered, known: AtomicU64::new(0), window: AtomicU64::new(milliseconds(window)) }
    }

    /// Takes note of what Sentinels say.
    pub(super) fn learn(&self, terms: Terms) {
        self.known.store(terms.replicas, Ordering::Release);
        self.window.store(milliseconds(terms.window), Ordering::Release);
    }

    /// How many of the replicas of one server that stands for all keys must have a write.
    pub(super) fn wanted(&self) -> u64 {
        self.wanted_of(self.known.load(Ordering::Acquire))
    }

    /// The same where this many replicas may take over.
    pub(super) fn wanted_of(&self, replicas: u64) -> u64 {
        self.demanded.max(u64::from(replicas > 0))
    }

    /// Whether a write has to wait for replicas anywhere.
    pub(super) fn may_count(&self) -> bool {
        self.clustered || self.wanted() > 0
    }

    /// A write that is older than this while its primary never changed is on every replica that could still take over.
    pub(super) fn age(&self) -> Duration {
        Duration::from_millis(self.window.load(Ordering::Acquire)) + MARGIN
    }
}

fn milliseconds(period: Duration) -> u64 {
    u64::try_from(period.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_counts_where_one_may_take_over() {
        let lone = Copies::new(0, false);
        assert_eq!((lone.wanted(), lone.may_count()), (0, false));
        lone.learn(Terms { replicas: 0, window: Duration::from_mins(3) });
        assert!(!lone.may_count(), "Sentinels without a replica cannot fail over");
        lone.learn(Terms { replicas: 2, window: Duration::from_mins(3) });
        assert_eq!((lone.wanted(), lone.may_count()), (1, true));
        assert_eq!(lone.age(), Duration::from_secs(190));
        let strict = Copies::new(2, false);
        assert_eq!((strict.wanted(), strict.may_count()), (2, true));
        let cluster = Copies::new(0, true);
        assert!(cluster.may_count());
        assert_eq!((cluster.wanted_of(0), cluster.wanted_of(1), Copies::new(2, true).wanted_of(1)), (0, 1, 2));
    }
}
