use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use relay_core::budget::Factor;
use relay_core::store::{SliceCall, StoreError};
use tracing::{debug, warn};

use super::meter::Meter;
use super::tally::Report;
use super::terms::{Budget, NoBudget};
use super::{Budgets, Shared};

/// Why no slice could be taken.
#[derive(Debug, thiserror::Error)]
enum NoSlice {
    #[error(transparent)]
    NoBudget(#[from] NoBudget),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NoSlice {
    /// What did not work, in the words that dashboards know.
    fn operation(&self) -> &'static str {
        match self {
            Self::NoBudget(NoBudget::Price(_)) => "get relay cost",
            Self::NoBudget(NoBudget::Limit(_) | NoBudget::Absurd(_)) => "get session meter",
            Self::Store(_) => "increment consumed",
        }
    }
}

impl Budgets {
    /// Takes more for a meter unless somebody does already. Goes on by itself: who wants it waits for `refilled`.
    pub(super) fn refill(&self, meter: &Arc<Meter>, factor: Option<Factor>) {
        if meter.refilling.swap(true, Ordering::AcqRel) {
            return;
        }
        let (shared, meter) = (Arc::clone(&self.0), Arc::clone(meter));
        tokio::spawn(async move {
            let clock = shared.publisher.store().clock();
            if let Err(error) = Box::pin(shared.take(&meter, factor)).await {
                shared.metrics.failed(error.operation());
                meter.tally().failed(clock.monotonic());
                let absurd = matches!(error, NoSlice::NoBudget(NoBudget::Absurd(_)));
                meter.absurd.store(absurd, Ordering::Release);
                debug!(supplier = %meter.supplier, session = %meter.session.id, %error, "no slice of a budget");
            }
            meter.refilling.store(false, Ordering::Release);
            meter.refilled.notify_waiters();
        });
    }
}

impl Shared {
    async fn take(&self, meter: &Meter, factor: Option<Factor>) -> Result<(), NoSlice> {
        let budget = self.budget(&meter.session, factor).await?;
        meter.absurd.store(false, Ordering::Release);
        if budget.limit.may_go_unpaid() && !meter.warned_unpaid.swap(true, Ordering::AcqRel) {
            let (limit, base) = (budget.limit.upokt, budget.limit.base);
            warn!(supplier = %meter.supplier, session = %meter.session.id, service = %meter.session.service, limit, base, "more is served than the chain is sure to pay: the service factor is large");
        }
        let store = self.publisher.store();
        let asked = store.clock().monotonic();
        let report = meter.tally().ask(self.config.slice.relays);
        let slices = store.slices(self.publisher.instance(), &[meter.call(report, budget.relays, budget.keep)]).await?;
        let Some(slice) = slices.into_iter().next() else { return Ok(()) };
        let exhausted = {
            let mut tally = meter.tally();
            tally.granted(slice, budget.relays, asked, store.clock().monotonic());
            tally.is_exhausted()
        };
        if exhausted && !meter.warned_exhausted.swap(true, Ordering::AcqRel) {
            let Budget { price, limit, relays, .. } = budget;
            warn!(
                supplier = %meter.supplier, application = %meter.session.application, session = %meter.session.id,
                service = %meter.session.service, limit = limit.upokt, price = price.upokt(), relays,
                "a session's budget is used up"
            );
        }
        Ok(())
    }

    /// Reports and gives back in one round trip. What cannot be given back now comes back by itself when we are gone.
    pub(super) async fn hand_in(&self, reports: Vec<(Arc<Meter>, Report)>, keep: Duration) {
        let calls: Vec<SliceCall> =
            reports.iter().map(|(meter, report)| meter.call(*report, meter.tally().limit, keep)).collect();
        if calls.is_empty() {
            return;
        }
        if let Err(error) = self.publisher.store().slices(self.publisher.instance(), &calls).await {
            self.metrics.failed("return unused");
            debug!(%error, "slices of budgets cannot be given back now");
        }
    }
}

impl Meter {
    fn call(&self, report: Report, limit: u64, keep: Duration) -> SliceCall {
        SliceCall {
            supplier: self.supplier.clone(),
            session: self.session.id.clone(),
            number: report.number,
            used: report.used,
            shown: report.shown,
            held: report.held,
            wanted: report.wanted,
            limit,
            relays_per_entry: self.relays_per_entry,
            keep,
        }
    }
}
