use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use relay_core::budget::{Factor, relays_per_entry};
use relay_core::units::Height;
use tokio::time::{Instant, timeout};

use super::meter::Meter;
use super::tally::Attempt;
use super::{Budgets, Charge};
use crate::config::OnError;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::Session;

/// Towards the end of a budget slices are single relays, and who waits for one may be overtaken. This long at most.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why a relay is not metered.
enum Unmetered {
    /// Nobody knows what is left.
    Unknown,
    /// The chain's numbers cannot be: no policy helps.
    Absurd,
    /// Nothing is left.
    Exhausted,
}

impl Budgets {
    /// The meter of a verified relay; `None` when nothing is metered.
    pub(crate) fn meter(
        &self,
        supplier: &relay_core::address::Address,
        session: &Session,
        service: &Service,
        admitted_until: Height,
    ) -> Option<Arc<Meter>> {
        if !self.0.config.enabled {
            return None;
        }
        let header = &session.header;
        let make = || {
            let per_entry = relays_per_entry(&session.target);
            Meter::new(supplier.clone(), header.clone(), Arc::clone(&service.label), per_entry, admitted_until)
        };
        let meter = self.0.table.get(supplier, &header.id, self.0.feed.height(), make);
        if meter.is_none() {
            self.0.metrics.failed("too many sessions");
        }
        meter
    }

    /// Reserves one relay. `meter` is what [`Budgets::meter`] gave.
    pub(crate) async fn reserve(&self, meter: Option<&Arc<Meter>>, service: &Service) -> Result<Charge, Refusal> {
        if !self.0.config.enabled {
            return Ok(Charge::free());
        }
        let since = Instant::now();
        let outcome = match meter {
            Some(meter) => self.charge(meter, service.factor).await,
            None => Err(Unmetered::Unknown),
        };
        let metrics = &self.0.metrics;
        metrics.took(&service.label, service.validation, since.elapsed());
        match outcome {
            Ok(charge) => {
                metrics.consumed(&service.label, true);
                Ok(charge)
            }
            Err(Unmetered::Exhausted) => {
                metrics.consumed(&service.label, false);
                Err(Refusal::Exhausted)
            }
            Err(Unmetered::Unknown) if self.0.config.on_error == OnError::Open => {
                metrics.unmetered(&service.label, "served");
                Ok(meter.map_or_else(Charge::free, |meter| {
                    meter.tally().overdraw();
                    Charge::reserved(Arc::clone(meter))
                }))
            }
            Err(Unmetered::Unknown | Unmetered::Absurd) => {
                metrics.unmetered(&service.label, "refused");
                Err(Refusal::Unmetered)
            }
        }
    }

    async fn charge(&self, meter: &Arc<Meter>, factor: Option<Factor>) -> Result<Charge, Unmetered> {
        let deadline = Instant::now() + LONGEST_WAIT;
        loop {
            // Listen before looking, so that no news is missed.
            let mut refilled = std::pin::pin!(meter.refilled.notified());
            refilled.as_mut().enable();
            match self.attempt(meter) {
                Attempt::Reserved { low } => {
                    if low {
                        self.refill(meter, factor);
                    }
                    return Ok(Charge::reserved(Arc::clone(meter)));
                }
                Attempt::Exhausted => return Err(Unmetered::Exhausted),
                Attempt::Failed if meter.absurd.load(Ordering::Acquire) => return Err(Unmetered::Absurd),
                Attempt::Failed => return Err(Unmetered::Unknown),
                Attempt::Empty if Instant::now() >= deadline => return Err(Unmetered::Exhausted),
                Attempt::Empty => self.refill(meter, factor),
            }
            if timeout(self.0.config.timeout.0, refilled).await.is_err() {
                return Err(Unmetered::Unknown);
            }
        }
    }

    fn attempt(&self, meter: &Meter) -> Attempt {
        let store = self.0.publisher.store();
        let now = store.clock().monotonic();
        let marked = self.0.publisher.marked_at();
        // Others take back the slice of an instance that was silent for `dead_after`: stop well before that.
        let trusted = store.config().dead_after.0 / 2;
        meter.tally().reserve(now, |heard| heard.max(marked).is_some_and(|at| now.saturating_sub(at) < trusted))
    }
}
