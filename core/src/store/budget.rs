//! Budgets of sessions, shared by relayers: each holds a slice and comes back for more.

use std::time::Duration;

use super::command::Call;
use super::{InstanceId, Store, StoreError, scripts};
use crate::address::Address;
use crate::units::SessionId;

/// What an instance reports of one budget, and what it wants. Counts are relays since the instance began with this budget.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceCall {
    /// Whose budget: one a supplier and session.
    pub supplier: Address,
    /// See `supplier`.
    pub session: SessionId,
    /// Counts the calls of this instance for this budget, from 1.
    pub number: u64,
    /// Answered so far.
    pub used: u64,
    /// Of these: in the log, or represented there by others when the service is hard.
    pub shown: u64,
    /// The last answer's `held`, less what is given back.
    pub held: u64,
    /// How many more.
    pub wanted: u64,
    /// What the whole budget is, as this instance sees it now.
    pub limit: u64,
    /// How many relays one entry of the log stands for.
    pub relays_per_entry: f64,
    /// How long the budget is remembered after this call. It must outlast the session's settlement.
    pub keep: Duration,
}

/// What an instance may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// How many relays in all, used ones included.
    pub held: u64,
    /// What nobody holds.
    pub left: u64,
    /// Relayers that share the budget.
    pub live: u64,
}

impl Store {
    /// Reports what was used, and takes more, for several budgets in one round trip.
    ///
    /// A call whose answer was lost may be repeated under a new number: what it gave is taken back first. The slice of an
    /// instance that is dead goes back, less what it reported and what the log has gained since: more than it can have
    /// used. An instance counts as dead when neither this call nor its `pending` mark is younger than `dead_after`; it must
    /// not use its slice then. When Redis has lost a budget, it begins with what the log shows.
    pub async fn slices(&self, instance: &InstanceId, calls: &[SliceCall]) -> Result<Vec<Slice>, StoreError> {
        let calls: Vec<Call> = calls.iter().map(|call| self.slice_call(instance, call)).collect();
        let slices: Vec<(u64, u64, u64)> = self.shared.link.calls(&calls).await?;
        if slices.len() != calls.len() {
            return Err(StoreError::malformed("slices", format!("{} of {}", slices.len(), calls.len())));
        }
        Ok(slices.into_iter().map(|(held, left, live)| Slice { held, left, live }).collect())
    }

    fn slice_call(&self, instance: &InstanceId, call: &SliceCall) -> Call {
        let keys = &self.shared.keys;
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Call::new(&scripts::SLICE)
            .key(keys.budget(&call.supplier, &call.session))
            .key(keys.head(&call.supplier))
            .key(keys.pending(&call.supplier))
            .argument(instance.as_str())
            .argument(call.number)
            .argument(call.session.as_str())
            .argument(call.used)
            .argument(call.shown)
            .argument(call.held)
            .argument(call.wanted)
            .argument(call.limit)
            .argument(call.relays_per_entry)
            .argument(milliseconds(self.shared.config.dead_after.0))
            .argument(milliseconds(call.keep))
    }
}
