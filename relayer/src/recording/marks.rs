use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use relay_core::address::Address;
use relay_core::units::Height;

/// Which sessions of which suppliers may still get relays from this relayer: its `pending` marks in Redis.
///
/// A session is held from its first admission until no more are admitted and every relay of it is durable. The mark is
/// written before the first append, so a miner never knows a session without the mark that keeps it open.
#[derive(Debug, Default)]
pub(super) struct Marks {
    suppliers: Mutex<HashMap<Address, Supplier>>,
}

#[derive(Debug, Default)]
struct Supplier {
    sessions: BTreeMap<Height, Session>,
    /// What Redis was told last; `None` when nothing, or that there is nothing.
    written: Option<Height>,
}

#[derive(Debug)]
struct Session {
    holds: usize,
    /// The last height at which relays of it are admitted.
    admitted_until: Height,
}

/// Keeps one session of one supplier open.
#[derive(Debug)]
pub(super) struct Hold {
    marks: Arc<Marks>,
    supplier: Address,
    end: Height,
}

impl Marks {
    /// Holds the session that ends at `end`.
    pub(super) fn hold(self: &Arc<Self>, supplier: &Address, end: Height, admitted_until: Height) -> Hold {
        let mut suppliers = self.lock();
        let sessions = &mut suppliers.entry(supplier.clone()).or_default().sessions;
        sessions.entry(end).or_insert(Session { holds: 0, admitted_until }).holds += 1;
        Hold { marks: Arc::clone(self), supplier: supplier.clone(), end }
    }

    /// The mark that must be written before relays of `supplier` can be appended, if the one in Redis does not cover them.
    pub(super) fn missing(&self, supplier: &Address) -> Option<Height> {
        let suppliers = self.lock();
        let known = suppliers.get(supplier)?;
        let lowest = known.lowest()?;
        known.written.is_none_or(|written| written > lowest).then_some(lowest)
    }

    /// Drops what is over at `height`, and gives the mark of every supplier that has, or had, one.
    pub(super) fn current(&self, height: Height) -> Vec<(Address, Option<Height>)> {
        let mut suppliers = self.lock();
        for supplier in suppliers.values_mut() {
            supplier.sessions.retain(|_, session| session.holds > 0 || height <= session.admitted_until);
        }
        suppliers.retain(|_, supplier| supplier.written.is_some() || !supplier.sessions.is_empty());
        suppliers.iter().map(|(address, supplier)| (address.clone(), supplier.lowest())).collect()
    }

    /// Notes what Redis was told.
    pub(super) fn wrote(&self, marks: &[(Address, Option<Height>)]) {
        let mut suppliers = self.lock();
        for (address, mark) in marks {
            if let Some(supplier) = suppliers.get_mut(address) {
                supplier.written = *mark;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Address, Supplier>> {
        self.suppliers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Supplier {
    fn lowest(&self) -> Option<Height> {
        self.sessions.keys().next().copied()
    }
}

impl Clone for Hold {
    fn clone(&self) -> Self {
        // It is there: this hold keeps it.
        if let Some(session) =
            self.marks.lock().get_mut(&self.supplier).and_then(|known| known.sessions.get_mut(&self.end))
        {
            session.holds += 1;
        }
        Self { marks: Arc::clone(&self.marks), supplier: self.supplier.clone(), end: self.end }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(session) =
            self.marks.lock().get_mut(&self.supplier).and_then(|known| known.sessions.get_mut(&self.end))
        {
            session.holds = session.holds.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supplier() -> Address {
        relay_core::address::SecretKey::from_bytes(&[1; 32]).unwrap().address().clone()
    }

    #[test]
    fn a_session_is_held_until_it_is_over_and_nothing_is_left() {
        let (marks, supplier) = (Arc::new(Marks::default()), supplier());
        let early = marks.hold(&supplier, Height(10), Height(11));
        let late = marks.hold(&supplier, Height(20), Height(21));
        assert_eq!(marks.missing(&supplier), Some(Height(10)));
        let told = marks.current(Height(5));
        assert_eq!(told, [(supplier.clone(), Some(Height(10)))]);
        marks.wrote(&told);
        assert_eq!(marks.missing(&supplier), None);

        drop(early);
        assert_eq!(marks.current(Height(11))[0].1, Some(Height(10)), "relays may still come");
        let again = late.clone();
        assert_eq!(marks.current(Height(12))[0].1, Some(Height(20)));
        drop(late);
        assert_eq!(marks.current(Height(30))[0].1, Some(Height(20)), "still on its way");
        drop(again);
        let told = marks.current(Height(30));
        assert_eq!(told, [(supplier.clone(), None)], "Redis must hear that there is nothing");
        marks.wrote(&told);
        assert!(marks.current(Height(30)).is_empty());
    }

    #[test]
    fn an_older_session_needs_a_new_mark() {
        let (marks, supplier) = (Arc::new(Marks::default()), supplier());
        let _late = marks.hold(&supplier, Height(20), Height(21));
        marks.wrote(&marks.current(Height(11)));
        assert_eq!(marks.missing(&supplier), None);
        let _grace = marks.hold(&supplier, Height(10), Height(11));
        assert_eq!(marks.missing(&supplier), Some(Height(10)));
    }
}
