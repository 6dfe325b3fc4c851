use std::collections::BTreeSet;

use super::miners::{MinerReport, owner};

/// The work of all miners, each supplier counted once, in the words of its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Work {
    /// The newest block a miner has seen.
    pub height: i64,
    /// Suppliers that a miner owns.
    pub owned: usize,
    /// Sessions that are not settled.
    pub open_sessions: usize,
    /// Relays in them.
    pub open_relays: u64,
    /// Settled claims.
    pub settled_claims: u64,
    /// Relays in them.
    pub settled_relays: u64,
    /// What they paid out, in uPOKT.
    pub earned: u128,
    /// Relays that will not be paid.
    pub lost_relays: u64,
}

/// Adds up the reports of miners.
#[must_use]
pub fn work(reports: &[MinerReport]) -> Work {
    let addresses: BTreeSet<&str> =
        reports.iter().flat_map(|report| &report.suppliers).map(|supplier| supplier.address.as_str()).collect();
    let mut work = Work { height: reports.iter().map(|report| report.height).max().unwrap_or(0), ..Work::default() };
    for (_, supplier) in addresses.into_iter().filter_map(|address| owner(reports, address)) {
        work.owned += 1;
        work.open_sessions += supplier.sessions.len();
        work.open_relays += supplier.sessions.iter().map(|session| session.relays).sum::<u64>();
        work.settled_claims += supplier.settled_claims;
        work.settled_relays += supplier.settled_relays;
        work.earned += supplier.earned_upokt.parse::<u128>().unwrap_or(0);
        work.lost_relays += supplier.lost.iter().map(|loss| loss.relays).sum::<u64>();
    }
    work
}
