use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use relay_core::address::Address;
use serde_json::Value;

use super::{FleetStatus, SupplierStatus};

/// What the parts of a miner show to people: the newest status of every owned supplier and of the fleet, facts about the whole process, and checks
/// that its readiness depends on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StatusBoard(Arc<Mutex<Notices>>);

#[derive(Debug, Default)]
struct Notices {
    suppliers: BTreeMap<Address, SupplierStatus>,
    fleet: FleetStatus,
    facts: BTreeMap<&'static str, Value>,
    checks: BTreeMap<&'static str, (bool, String)>,
}

impl StatusBoard {
    /// Puts up the newest status of a supplier.
    pub fn publish(&self, status: SupplierStatus) {
        self.lock().suppliers.insert(status.address.clone(), status);
    }

    /// Takes a supplier down that is not owned any more.
    pub fn remove(&self, supplier: &Address) {
        self.lock().suppliers.remove(supplier);
    }

    /// Puts up the newest status of the fleet.
    pub fn publish_fleet(&self, status: FleetStatus) {
        self.lock().fleet = status;
    }

    /// The fleet as this miner last saw it.
    #[must_use]
    pub fn fleet(&self) -> FleetStatus {
        self.lock().fleet.clone()
    }

    /// Puts up a fact about this process: `/status` shows it under this name, such as `leader`.
    pub fn tell(&self, name: &'static str, fact: Value) {
        self.lock().facts.insert(name, fact);
    }

    /// Says whether something is as it must be for the miner to do its work, and what is seen: a check of `/ready`.
    pub fn check(&self, name: &'static str, ready: bool, seen: impl Into<String>) {
        self.lock().checks.insert(name, (ready, seen.into()));
    }

    /// All owned suppliers, by address.
    #[must_use]
    pub fn all(&self) -> Vec<SupplierStatus> {
        self.lock().suppliers.values().cloned().collect()
    }

    /// How many suppliers are owned.
    #[must_use]
    pub fn suppliers(&self) -> usize {
        self.lock().suppliers.len()
    }

    pub(crate) fn facts(&self) -> BTreeMap<&'static str, Value> {
        self.lock().facts.clone()
    }

    pub(crate) fn checks(&self) -> BTreeMap<&'static str, (bool, String)> {
        self.lock().checks.clone()
    }

    /// Nothing panics while this lock is held, and what it guards is whole at any time.
    fn lock(&self) -> MutexGuard<'_, Notices> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
