//! Who should own a supplier: rendezvous hashing over the live miners.
//!
//! Each (miner, supplier) pair has a score; the highest score wins. When a miner joins or leaves, only suppliers that it
//! wins or held move.

use relay_core::address::Address;
use sha2::{Digest, Sha256};

/// The member that should own `supplier`; `None` when there are no members.
#[must_use]
pub fn preferred<'a>(supplier: &Address, members: &'a [String]) -> Option<&'a str> {
    members.iter().max_by_key(|member| (score(supplier, member), member.as_str())).map(String::as_str)
}

/// The same in every build and on every machine. Two that disagreed would cost hand-overs without end, never safety: the lease
/// decides.
fn score(supplier: &Address, member: &str) -> [u8; 32] {
    Sha256::new().chain_update(member).chain_update(supplier.as_str()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suppliers(count: u8) -> Vec<Address> {
        (0..count).map(|n| Address::from_payload(&[n; 20]).expect("20 bytes")).collect()
    }

    fn members(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn nobody_owns_anything_without_members() {
        assert_eq!(preferred(&suppliers(1)[0], &[]), None);
    }

    #[test]
    fn the_order_of_members_does_not_matter() {
        let (forward, backward) = (members(&["a", "b", "c"]), members(&["c", "b", "a"]));
        for supplier in suppliers(50) {
            assert_eq!(preferred(&supplier, &forward), preferred(&supplier, &backward));
        }
    }

    #[test]
    fn a_member_that_leaves_moves_only_its_own_suppliers() {
        let (before, after) = (members(&["a", "b", "c"]), members(&["a", "b"]));
        for supplier in suppliers(200) {
            let owner = preferred(&supplier, &before);
            if owner != Some("c") {
                assert_eq!(preferred(&supplier, &after), owner);
            }
        }
    }

    #[test]
    fn load_spreads_over_members() {
        let all = members(&["a", "b", "c"]);
        let won_by_a = suppliers(240).iter().filter(|supplier| preferred(supplier, &all) == Some("a")).count();
        assert!((50..110).contains(&won_by_a), "{won_by_a} of 240");
    }
}
