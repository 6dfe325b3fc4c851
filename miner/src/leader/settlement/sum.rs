use std::collections::{BTreeMap, BTreeSet};

use relay_core::address::Address;
use relay_core::chain::BlockResults;
use relay_core::chain::events::{ChainEvent, ClaimKey, ClaimSize, Expiration};
use relay_core::units::{Height, ServiceId};
use tracing::warn;

/// What became of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Group {
    /// Paid: proven where that was asked for.
    Proven,
    /// A proof was asked for and none came.
    ProofMissing,
    /// A proof was asked for and the one that came was invalid.
    ProofInvalid,
    /// Not paid, for a reason that we do not know.
    Unknown,
    /// Thrown away because settling it failed.
    Discarded,
    /// Cost the supplier a part of its stake.
    Slashed,
}

impl Group {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::ProofMissing => "proof_missing",
            Self::ProofInvalid => "proof_invalid",
            Self::Unknown => "unknown",
            Self::Discarded => "discarded",
            Self::Slashed => "slashed",
        }
    }
}

/// Claims of one supplier, service and group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) claims: u64,
    pub(crate) relays: u64,
    pub(crate) compute_units: u64,
    /// What they claimed, in uPOKT.
    pub(crate) claimed: u64,
    /// The supplier's share of what was paid, or what was slashed, in uPOKT.
    pub(crate) moved: u64,
    /// Blocks from the end of each session to its settlement.
    pub(crate) latencies: Vec<i64>,
}

/// What one block settled.
#[derive(Debug, Default)]
pub(crate) struct Sums(pub(crate) BTreeMap<(Address, ServiceId, Group), Sum>);

impl Sums {
    pub(crate) fn of(results: &BlockResults, suppliers: &BTreeSet<Address>) -> Self {
        let mut sums = Self::default();
        for event in &results.events {
            match event {
                ChainEvent::Settled(settled) => {
                    let shares = settled.rewards.iter().filter(|reward| reward.is_supplier_share());
                    let moved = shares.map(|reward| reward.amount.0).sum();
                    sums.add(suppliers, &settled.key, Group::Proven, Some(&settled.size), moved, results.height);
                }
                ChainEvent::Expired { key, size, reason } => {
                    let group = match reason {
                        Expiration::ProofMissing => Group::ProofMissing,
                        Expiration::ProofInvalid => Group::ProofInvalid,
                        Expiration::Unspecified => Group::Unknown,
                    };
                    sums.add(suppliers, key, group, Some(size), 0, results.height);
                }
                ChainEvent::Discarded { key, .. } => {
                    sums.add(suppliers, key, Group::Discarded, None, 0, results.height);
                }
                ChainEvent::Slashed { key, penalty, .. } => {
                    sums.add(suppliers, key, Group::Slashed, None, penalty.0, results.height);
                }
                ChainEvent::Unreadable { kind, reason } => {
                    warn!(kind, reason, height = %results.height, "an event cannot be read: settlements may be missing in the numbers");
                }
                _ => {}
            }
        }
        sums
    }

    fn add(
        &mut self,
        suppliers: &BTreeSet<Address>,
        key: &ClaimKey,
        group: Group,
        size: Option<&ClaimSize>,
        moved: u128,
        height: Height,
    ) {
        if !suppliers.contains(&key.supplier) {
            return;
        }
        let sum = self.0.entry((key.supplier.clone(), key.service.clone(), group)).or_default();
        sum.claims += 1;
        if let Some(size) = size {
            sum.relays = sum.relays.saturating_add(size.relays);
            sum.compute_units = sum.compute_units.saturating_add(size.compute_units.0);
            sum.claimed = sum.claimed.saturating_add(bounded(size.claimed.0));
            sum.latencies.push(height - key.session_end);
        }
        sum.moved = sum.moved.saturating_add(bounded(moved));
    }

    /// As the pool keeps them: `<supplier> <service> <group> <what>`.
    pub(crate) fn totals(&self) -> BTreeMap<String, u64> {
        let mut totals = BTreeMap::new();
        for ((supplier, service, group), sum) in &self.0 {
            let parts = [
                ("claims", sum.claims),
                ("relays", sum.relays),
                ("compute_units", sum.compute_units),
                ("claimed_upokt", sum.claimed),
                ("moved_upokt", sum.moved),
            ];
            for (what, number) in parts.into_iter().filter(|(_, number)| *number > 0) {
                totals.insert(format!("{supplier} {service} {} {what}", group.name()), number);
            }
        }
        totals
    }
}

/// Redis counts up to 2^63.
fn bounded(amount: u128) -> u64 {
    u64::try_from(amount).unwrap_or(u64::MAX).min(i64::MAX as u64)
}

#[cfg(test)]
mod tests {
    use relay_core::chain::events::{ClaimSettled, Reward};
    use relay_core::units::{ComputeUnits, Upokt};

    use super::*;

    fn address(number: u8) -> Address {
        Address::from_payload(&[number; 20]).unwrap()
    }

    fn key(supplier: u8) -> ClaimKey {
        ClaimKey { supplier: address(supplier), application: address(9), service: "s".into(), session_end: Height(20) }
    }

    fn size(relays: u64) -> ClaimSize {
        ClaimSize { relays, compute_units: ComputeUnits(relays * 10), claimed: Upokt(u128::from(relays) * 100) }
    }

    fn settled(supplier: u8, owner: u8) -> ChainEvent {
        let reward = |reason: &str, recipient, amount| Reward {
            recipient: address(recipient),
            reason: reason.into(),
            amount: Upokt(amount),
        };
        ChainEvent::Settled(Box::new(ClaimSettled {
            key: key(supplier),
            session: "x".into(),
            size: size(5),
            settled: Upokt(500),
            minted: Upokt(480),
            overservicing_loss: Upokt(0),
            deflation_loss: Upokt(20),
            rewards: vec![
                reward("TLM_RELAY_BURN_EQUALS_MINT_SUPPLIER_SHAREHOLDER_REWARD_DISTRIBUTION", owner, 300),
                reward("TLM_GLOBAL_MINT_SUPPLIER_SHAREHOLDER_REWARD_DISTRIBUTION", supplier, 40),
                reward("TLM_RELAY_BURN_EQUALS_MINT_DAO_REWARD_DISTRIBUTION", 8, 100),
            ],
        }))
    }

    // rule: M-15
    #[test]
    fn events_count_by_their_own_meaning_for_our_suppliers_only() {
        let events = vec![
            settled(1, 7),
            settled(2, 2),
            settled(3, 3),
            ChainEvent::Expired { key: key(1), size: size(2), reason: Expiration::ProofInvalid },
            ChainEvent::Expired { key: key(1), size: size(3), reason: Expiration::ProofMissing },
            ChainEvent::Slashed { key: key(1), penalty: Upokt(9), stake_left: Upokt(1) },
            ChainEvent::Discarded { key: key(2), error: "broken".into() },
        ];
        let results = BlockResults { height: Height(32), executions: Vec::new(), events };
        let sums = Sums::of(&results, &BTreeSet::from([address(1), address(2)]));
        let of = |supplier, group| sums.0.get(&(address(supplier), "s".into(), group)).cloned().unwrap_or_default();
        let proven = of(1, Group::Proven);
        assert_eq!((proven.claims, proven.relays, proven.compute_units, proven.claimed), (1, 5, 50, 500));
        assert_eq!(proven.moved, 340, "whoever receives the supplier's share");
        assert_eq!(proven.latencies, [12]);
        assert_eq!((of(1, Group::ProofInvalid).relays, of(1, Group::ProofMissing).relays), (2, 3));
        assert_eq!((of(1, Group::Slashed).claims, of(1, Group::Slashed).moved), (1, 9));
        assert_eq!((of(2, Group::Proven).claims, of(2, Group::Discarded).claims), (1, 1));
        assert_eq!(of(3, Group::Proven), Sum::default(), "another pool's");
        assert_eq!(sums.totals()[&format!("{} s proven moved_upokt", address(1))], 340);
        assert!(sums.totals().values().all(|number| *number > 0));
    }
}
