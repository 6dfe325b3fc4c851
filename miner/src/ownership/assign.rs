//! Who should own a supplier: rendezvous hashing over the live miners.
//!
//! Each (miner, supplier) pair has a score; the highest score wins. When a miner joins or leaves, only suppliers that it
//! wins or held move.

use relay_core::address::Address;
use relay_core::store::InstanceId;
use sha2::{Digest, Sha256};

/// The members in the order in which they should own `supplier`, best first. The order that they are given in does not matter.
#[must_use]
pub fn ranked<'a>(supplier: &Address, members: impl IntoIterator<Item = &'a InstanceId>) -> Vec<InstanceId> {
    let mut scored: Vec<_> = members.into_iter().map(|member| (score(supplier, member), member)).collect();
    scored.sort_unstable_by(|a, b| b.cmp(a));
    scored.into_iter().map(|(_, member)| member.clone()).collect()
}

/// The same in every build and on every machine. Two that disagreed would cost hand-overs without end, never safety: the lease
/// decides.
fn score(supplier: &Address, member: &InstanceId) -> [u8; 32] {
    Sha256::new().chain_update(member.as_str()).chain_update(supplier.as_str()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suppliers(count: u8) -> Vec<Address> {
        (0..count).map(|n| Address::from_payload(&[n; 20]).expect("20 bytes")).collect()
    }

    fn member(name: &str) -> InstanceId {
        format!("{name}/1/x").parse::<relay_core::store::Fence>().unwrap().instance
    }

    fn members(names: &[&str]) -> Vec<InstanceId> {
        names.iter().map(|name| member(name)).collect()
    }

    #[test]
    fn nobody_owns_anything_without_members() {
        assert!(ranked(&suppliers(1)[0], &[]).is_empty());
    }

    /// Miners of different releases share a fleet, so the order never changes.
    #[test]
    fn the_order_is_what_it_was() {
        let names = |supplier: &Address| {
            ranked(supplier, &members(&["a", "b", "c", "d"])).iter().map(InstanceId::as_str).collect::<String>()
        };
        let orders: Vec<_> = suppliers(4).iter().map(names).collect();
        assert_eq!(orders, ["cabd", "dbac", "dabc", "cbad"]);
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        let (forward, backward) = (members(&["a", "b", "c"]), members(&["c", "b", "a"]));
        for supplier in suppliers(50) {
            assert_eq!(ranked(&supplier, &forward), ranked(&supplier, &backward));
        }
    }

    #[test]
    fn a_member_that_leaves_moves_only_its_own_suppliers() {
        let (before, after) = (members(&["a", "b", "c"]), members(&["a", "b"]));
        for supplier in suppliers(200) {
            let order = ranked(&supplier, &before);
            let left: Vec<_> = order.into_iter().filter(|id| *id != member("c")).collect();
            assert_eq!(ranked(&supplier, &after), left);
        }
    }

    #[test]
    fn load_spreads_over_members() {
        let all = members(&["a", "b", "c"]);
        let won_by_a = suppliers(240).iter().filter(|supplier| ranked(supplier, &all)[0] == member("a")).count();
        assert!((50..110).contains(&won_by_a), "{won_by_a} of 240");
    }
}
