use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use relay_core::address::Address;
use relay_core::session::SessionHeader;
use relay_core::units::Height;
use tokio::sync::Notify;

use super::tally::{Report, Tally};

/// Counts one supplier's relays of one session.
#[derive(Debug)]
pub(crate) struct Meter {
    pub(super) supplier: Address,
    pub(super) session: SessionHeader,
    /// The service's name as a label.
    pub(super) label: std::sync::Arc<str>,
    /// How many relays one entry of the log stands for.
    pub(super) relays_per_entry: f64,
    /// The last height at which relays of the session are good.
    pub(super) admitted_until: Height,
    tally: Mutex<Tally>,
    /// Whether somebody takes more right now.
    pub(super) refilling: AtomicBool,
    /// Told when that is done.
    pub(super) refilled: Notify,
    /// Whether people were told that this session may go unpaid, and that it is used up.
    pub(super) warned_unpaid: AtomicBool,
    pub(super) warned_exhausted: AtomicBool,
    /// Whether the chain's numbers could not be when they were last looked at.
    pub(super) absurd: AtomicBool,
}

impl Meter {
    pub(super) fn new(
        supplier: Address,
        session: SessionHeader,
        label: std::sync::Arc<str>,
        relays_per_entry: f64,
        admitted_until: Height,
    ) -> Self {
        Self {
            supplier,
            session,
            label,
            relays_per_entry,
            admitted_until,
            tally: Mutex::default(),
            refilling: AtomicBool::new(false),
            refilled: Notify::new(),
            warned_unpaid: AtomicBool::new(false),
            warned_exhausted: AtomicBool::new(false),
            absurd: AtomicBool::new(false),
        }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether relays of its session may still come, or are still in progress.
    pub(super) fn is_needed(&self, height: Height) -> bool {
        height <= self.admitted_until || self.tally().reserved > 0
    }

    /// What to give back when nothing was reserved since `since`.
    pub(super) fn give_back_if_idle(&self, since: Duration) -> Option<Report> {
        let mut tally = self.tally();
        if tally.idle_since() > since { None } else { tally.give_back() }
    }
}
