//! Whom the operator's money is spent on when it does not suffice for all.

use relay_core::units::Upokt;

/// Something to pay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill {
    /// What it brings.
    pub value: Upokt,
    /// What must be there for it, now and later.
    pub needs: Upokt,
}

/// Which bills can be paid, by their place in the list: the most valuable first, each only if all that it needs is there
/// beside what is kept back. The chain wants more than the last upokt to be there, so one stays.
#[must_use]
pub fn affordable(bills: &[Bill], spendable: Upokt, kept_back: Upokt) -> Vec<bool> {
    let mut left = spendable.0.saturating_sub(kept_back.0).saturating_sub(1);
    let mut order: Vec<usize> = (0..bills.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(bills[*place].value));
    let mut paid = vec![false; bills.len()];
    for place in order {
        if let Some(rest) = left.checked_sub(bills[place].needs.0) {
            left = rest;
            paid[place] = true;
        }
    }
    paid
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bill(value: u128, needs: u128) -> Bill {
        Bill { value: Upokt(value), needs: Upokt(needs) }
    }

    // rule: I-15
    #[test]
    fn the_most_valuable_goes_first() {
        let bills = [bill(1, 10), bill(3, 10), bill(2, 10)];
        assert_eq!(affordable(&bills, Upokt(31), Upokt(0)), [true, true, true]);
        assert_eq!(affordable(&bills, Upokt(30), Upokt(0)), [false, true, true]);
        assert_eq!(affordable(&bills, Upokt(30), Upokt(15)), [false, true, false]);
        assert_eq!(affordable(&bills, Upokt(0), Upokt(0)), [false, false, false]);
    }

    proptest! {
        #[test]
        fn no_more_is_spent_than_is_there(
            bills in proptest::collection::vec((0_u128..100, 0_u128..100), 0..20),
            spendable in 0_u128..1_000,
            kept_back in 0_u128..1_000,
        ) {
            let bills: Vec<Bill> = bills.into_iter().map(|(value, needs)| bill(value, needs)).collect();
            let paid = affordable(&bills, Upokt(spendable), Upokt(kept_back));
            let spent: u128 = bills.iter().zip(&paid).filter(|(_, paid)| **paid).map(|(bill, _)| bill.needs.0).sum();
            prop_assert!(spent == 0 || spent + kept_back < spendable);
        }
    }
}
