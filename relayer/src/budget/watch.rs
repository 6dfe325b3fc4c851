use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::Budgets;

/// How often sessions that are over are forgotten and unused slices looked for.
const LOOK: Duration = Duration::from_secs(2);
/// A slice that nobody used for this long is given back, so that other relayers can use it.
const IDLE: Duration = Duration::from_secs(10);
/// A budget that is given back is remembered for at least this long; the next call sets the right time.
const KEEP: Duration = Duration::from_hours(24);

/// The budgets of one service, for people.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Overview {
    /// Sessions that are metered now, one for each supplier.
    sessions: u64,
    /// Of these: used up.
    exhausted: u64,
    /// Relays answered in them.
    used: u64,
    /// Relays that this relayer may still answer without asking.
    free: u64,
}

impl Budgets {
    /// Forgets sessions that are over, gives back what is not used, and keeps the gauges, until `stop`.
    pub(crate) async fn keep_watch(&self, stop: CancellationToken) {
        let mut next = tokio::time::interval(LOOK);
        next.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = next.tick() => {}
            }
            self.0.table.forget_before(self.0.feed.height());
            self.count();
            let now = self.0.publisher.store().clock().monotonic();
            self.give_back(now.saturating_sub(IDLE)).await;
        }
    }

    /// Gives back every slice, when no more relays come.
    pub(crate) async fn give_back_all(&self) {
        self.give_back(Duration::MAX).await;
    }

    async fn give_back(&self, idle_since: Duration) {
        let meters = self.0.table.all();
        let idle = meters.into_iter().filter_map(|meter| {
            let report = meter.give_back_if_idle(idle_since)?;
            Some((meter, report))
        });
        self.0.hand_in(idle.collect(), KEEP).await;
    }

    fn count(&self) {
        let mut sessions = BTreeMap::<(Arc<str>, Arc<str>), i64>::new();
        for meter in self.0.table.all() {
            *sessions.entry((Arc::clone(&meter.label), meter.supplier.as_str().into())).or_default() += 1;
        }
        self.0.metrics.sessions(&sessions);
    }

    /// What is metered now, by service.
    pub(crate) fn overview(&self) -> BTreeMap<Arc<str>, Overview> {
        let mut services = BTreeMap::<Arc<str>, Overview>::new();
        for meter in self.0.table.all() {
            let (service, tally) = (services.entry(Arc::clone(&meter.label)).or_default(), meter.tally());
            service.sessions += 1;
            service.exhausted += u64::from(tally.is_exhausted());
            service.used += tally.used;
            service.free += tally.free();
        }
        services
    }
}
