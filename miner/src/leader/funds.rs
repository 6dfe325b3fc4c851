//! Whether a supplier can pay for its claims and proofs, and how many missed proofs its stake outlasts.

use relay_core::units::Upokt;

use crate::config::BalanceMonitor;

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Somebody has to act now.
    Critical,
    /// Somebody has to act soon.
    Warning,
    /// Nothing to do.
    Good,
}

/// A supplier's money.
#[derive(Debug, Clone, PartialEq)]
pub struct Funds {
    /// What its account can spend.
    pub balance: Upokt,
    /// Whether that is enough.
    pub balance_health: Health,
    /// Its stake; `None` when it is not staked.
    pub stake: Option<Stake>,
}

/// A supplier's stake.
#[derive(Debug, Clone, PartialEq)]
pub struct Stake {
    /// How much.
    pub amount: Upokt,
    /// How many missed proofs it outlasts before it is below the chain's minimum and the supplier has to go.
    pub outlasts: f64,
    /// Whether that is enough.
    pub health: Health,
}

/// What the chain asks of a stake, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// The least stake.
    pub least: Upokt,
    /// What a missed proof costs.
    pub penalty: Upokt,
}

impl Funds {
    /// Judges what was found.
    #[must_use]
    pub fn new(balance: Upokt, stake: Option<Upokt>, rules: Rules, limits: &BalanceMonitor) -> Self {
        let threshold = u128::from(limits.threshold_upokt);
        let balance_health = if balance.0 < threshold {
            Health::Critical
        } else if balance.0 < threshold * 2 {
            Health::Warning
        } else {
            Health::Good
        };
        Self { balance, balance_health, stake: stake.map(|stake| Stake::new(stake, rules, limits)) }
    }
}

impl Stake {
    fn new(amount: Upokt, rules: Rules, limits: &BalanceMonitor) -> Self {
        let spare = amount.0.saturating_sub(rules.least.0);
        // Without a penalty a missed proof takes nothing from the stake.
        let whole = spare.checked_div(rules.penalty.0);
        let health = match whole {
            Some(proofs) if proofs < u128::from(limits.stake_critical) => Health::Critical,
            Some(proofs) if proofs < u128::from(limits.stake_warning) => Health::Warning,
            _ => Health::Good,
        };
        #[allow(clippy::cast_precision_loss, reason = "a gauge is a float")]
        let outlasts = if rules.penalty.0 == 0 { f64::INFINITY } else { spare as f64 / rules.penalty.0 as f64 };
        Self { amount, outlasts, health }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(balance: u128, stake: u128, penalty: u128) -> (Health, Health) {
        let rules = Rules { least: Upokt(1_000), penalty: Upokt(penalty) };
        let funds = Funds::new(Upokt(balance), Some(Upokt(stake)), rules, &BalanceMonitor::default());
        (funds.balance_health, funds.stake.unwrap().health)
    }

    // rule: I-15
    #[test]
    fn trouble_is_said_before_it_is_there() {
        assert_eq!(judge(2_000_000, 2_000, 100), (Health::Good, Health::Good));
        assert_eq!(judge(1_999_999, 1_999, 100), (Health::Warning, Health::Warning));
        assert_eq!(judge(1_000_000, 1_300, 100), (Health::Warning, Health::Warning));
        assert_eq!(judge(999_999, 1_299, 100), (Health::Critical, Health::Critical));
        assert_eq!(judge(0, 0, 100), (Health::Critical, Health::Critical), "below the minimum already");
        assert_eq!(judge(0, 1_000, 0).1, Health::Good, "nothing is taken");
    }
}
