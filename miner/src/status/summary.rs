use std::collections::BTreeMap;

use relay_core::units::Height;

use super::SupplierStatus;

/// All sessions of all suppliers in a few numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// How many are not over.
    pub(crate) sessions: usize,
    /// How many stand where.
    pub(crate) phases: BTreeMap<&'static str, usize>,
    /// How many are not listed one by one.
    pub(crate) truncated: usize,
}

impl Summary {
    /// Counts the sessions, and leaves at most `most` of them in the list: those whose next deadline is nearest.
    pub(crate) fn shorten(suppliers: &mut [SupplierStatus], most: usize) -> Self {
        let mut summary = Self::default();
        let mut deadlines = Vec::new();
        for session in suppliers.iter().flat_map(|supplier| &supplier.sessions) {
            *summary.phases.entry(session.phase).or_default() += 1;
            deadlines.push(session.claim_close);
        }
        summary.sessions = deadlines.len();
        if deadlines.len() <= most {
            return summary;
        }
        deadlines.sort_unstable();
        let last = deadlines.get(most).copied().unwrap_or(Height(0));
        let mut room = most - deadlines.partition_point(|close| *close < last);
        for supplier in suppliers {
            supplier.sessions.retain(|session| {
                let tied = session.claim_close == last && room > 0;
                room -= usize::from(tied);
                tied || session.claim_close < last
            });
        }
        summary.truncated = summary.sessions - most;
        summary
    }
}

#[cfg(test)]
mod tests {
    use relay_core::address::Address;

    use super::super::SessionStatus;
    use super::*;

    fn supplier(number: u8, closes: &[i64]) -> SupplierStatus {
        let address = Address::from_payload(&[number; 20]).unwrap();
        let session = |close: &i64| SessionStatus {
            session_id: "00".into(),
            service: "svc1".to_owned(),
            application: address.clone(),
            start: Height(1),
            end: Height(10),
            relays: 1,
            phase: if *close < 50 { "proving" } else { "open" },
            claim_close: Height(*close),
            proof_close: Height(close + 10),
            reason: None,
        };
        let sessions = closes.iter().map(session).collect();
        SupplierStatus { sessions, ..SupplierStatus::new(address.clone(), 1) }
    }

    fn listed(suppliers: &[SupplierStatus]) -> Vec<Vec<i64>> {
        suppliers
            .iter()
            .map(|supplier| supplier.sessions.iter().map(|session| session.claim_close.0).collect())
            .collect()
    }

    #[test]
    fn few_sessions_are_all_listed() {
        let mut suppliers = [supplier(1, &[60, 40]), supplier(2, &[])];
        let summary = Summary::shorten(&mut suppliers, 2);
        assert_eq!((summary.sessions, summary.truncated), (2, 0));
        assert_eq!(summary.phases, BTreeMap::from([("open", 1), ("proving", 1)]));
        assert_eq!(listed(&suppliers), [vec![60, 40], vec![]]);
    }

    // rule: W-14
    #[test]
    fn of_many_sessions_the_urgent_ones_are_listed_and_all_counted() {
        let mut suppliers = [supplier(1, &[60, 40, 50]), supplier(2, &[50, 30, 50])];
        let summary = Summary::shorten(&mut suppliers, 4);
        assert_eq!((summary.sessions, summary.truncated), (6, 2));
        assert_eq!(summary.phases, BTreeMap::from([("open", 4), ("proving", 2)]));
        assert_eq!(listed(&suppliers), [vec![40, 50], vec![50, 30]]);
    }
}
