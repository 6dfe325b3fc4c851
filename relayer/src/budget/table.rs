use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use relay_core::address::Address;
use relay_core::units::{Height, SessionId};

use super::Meter;

/// Sessions that are metered at a time. Each was verified, so there are as many as the chain has for our suppliers.
const MOST_METERS: usize = 100_000;

/// The meters, by supplier and session.
#[derive(Debug, Default)]
pub(super) struct Table(RwLock<HashMap<(Address, SessionId), Arc<Meter>>>);

impl Table {
    /// The meter of a session, made when there is none; `None` when there are too many.
    pub(super) fn get(
        &self,
        supplier: &Address,
        session: &SessionId,
        height: Height,
        make: impl FnOnce() -> Meter,
    ) -> Option<Arc<Meter>> {
        let key = (supplier.clone(), session.clone());
        if let Some(meter) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Some(Arc::clone(meter));
        }
        let mut meters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = meters.get(&key) {
            return Some(Arc::clone(meter));
        }
        if meters.len() >= MOST_METERS {
            meters.retain(|_, meter| meter.is_needed(height));
        }
        if meters.len() >= MOST_METERS {
            return None;
        }
        let meter = Arc::new(make());
        meters.insert(key, Arc::clone(&meter));
        Some(meter)
    }

    /// Drops the meters of sessions that are over.
    pub(super) fn forget_before(&self, height: Height) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|_, meter| meter.is_needed(height));
    }

    pub(super) fn all(&self) -> Vec<Arc<Meter>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use relay_core::session::SessionHeader;

    use super::*;

    fn meter(supplier: &Address, end: i64) -> Meter {
        let session = SessionHeader {
            application: supplier.clone(),
            service: "s".into(),
            id: "id".into(),
            start: Height(1),
            end: Height(end),
        };
        Meter::new(supplier.clone(), session, "s".into(), 1.0, Height(end + 1))
    }

    // rule: D-40
    #[test]
    fn sessions_that_are_over_are_forgotten() {
        let (table, supplier) = (Table::default(), Address::from_payload(&[7; 20]).unwrap());
        for session in ["one", "two"] {
            let end = if session == "one" { 10 } else { 20 };
            table.get(&supplier, &session.into(), Height(5), || meter(&supplier, end)).unwrap();
            table.get(&supplier, &session.into(), Height(5), || unreachable!()).unwrap();
        }
        table.forget_before(Height(11));
        assert_eq!(table.all().len(), 2, "grace");
        let held = table.all();
        for meter in &held {
            meter.tally().overdraw();
        }
        table.forget_before(Height(30));
        assert_eq!(table.all().len(), 2, "relays are in progress");
        for meter in &held {
            meter.tally().release();
        }
        table.forget_before(Height(12));
        assert_eq!(table.all().len(), 1);
        table.forget_before(Height(30));
        assert!(table.all().is_empty());
    }
}
