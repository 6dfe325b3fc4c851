//! Whether a claim earns more than it costs.

use relay_core::proof::ProofParams;
use relay_core::units::Upokt;

/// What a claim costs, and what it may cost more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Gas of the claim.
    pub claim_fee: Upokt,
    /// Gas of the proof.
    pub proof_fee: Upokt,
    /// The chance that a required proof does not reach the chain, and stake is slashed.
    pub slash_risk: f64,
}

/// A claim weighed against its costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Worth {
    /// What it claims.
    pub reward: Upokt,
    /// What bringing it through costs on average, rounded up.
    pub cost: Upokt,
    /// It earns at least the least that is wanted.
    pub pays: bool,
}

/// Weighs a claim. The proof is certain from the threshold on, and below it as likely as the chain draws.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an expectation needs no more than 53 bits; a cast from float saturates"
)]
pub fn weigh(claimed: Upokt, params: &ProofParams, costs: &Costs, least_profit: Upokt) -> Worth {
    let chance = if claimed >= params.threshold { 1.0 } else { params.probability };
    let proof = costs.proof_fee.0.saturating_add(params.submission_fee.0) as f64;
    // A slash also loses the reward.
    let slash = costs.slash_risk * params.missing_penalty.0.saturating_add(claimed.0) as f64;
    let expected = chance * (proof + slash);
    let cost = Upokt(costs.claim_fee.0.saturating_add(expected.ceil() as u128));
    let pays = claimed.0 >= cost.0.saturating_add(least_profit.0) && claimed > cost;
    Worth { reward: claimed, cost, pays }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn params() -> ProofParams {
        ProofParams {
            probability: 0.25,
            threshold: Upokt(1_000),
            missing_penalty: Upokt(320_000),
            submission_fee: Upokt(100),
        }
    }

    const COSTS: Costs = Costs { claim_fee: Upokt(10), proof_fee: Upokt(20), slash_risk: 0.0 };

    // rule: M-17
    #[test]
    fn the_proof_counts_as_often_as_it_is_drawn() {
        // Below the threshold a quarter of 120.
        assert_eq!(
            weigh(Upokt(40), &params(), &COSTS, Upokt(0)),
            Worth { reward: Upokt(40), cost: Upokt(40), pays: false }
        );
        assert!(weigh(Upokt(41), &params(), &COSTS, Upokt(0)).pays);
        assert_eq!(weigh(Upokt(1_000), &params(), &COSTS, Upokt(0)).cost, Upokt(130));
    }

    // rule: M-17
    #[test]
    fn the_risk_of_a_slash_counts() {
        let risky = Costs { slash_risk: 0.01, ..COSTS };
        assert_eq!(weigh(Upokt(1_000), &params(), &risky, Upokt(0)).cost, Upokt(130 + 3_210));
        assert!(!weigh(Upokt(1_000), &params(), &risky, Upokt(0)).pays);
    }

    #[test]
    fn a_least_profit_can_be_asked_for() {
        assert!(weigh(Upokt(140), &params(), &COSTS, Upokt(100)).pays);
        assert!(!weigh(Upokt(139), &params(), &COSTS, Upokt(100)).pays);
    }

    proptest! {
        #[test]
        fn what_pays_covers_its_cost(claimed in 0_u128..10_000_000, fee in 0_u128..1_000, risk in 0.0..1.0_f64) {
            let costs = Costs { claim_fee: Upokt(fee), proof_fee: Upokt(fee), slash_risk: risk };
            let worth = weigh(Upokt(claimed), &params(), &costs, Upokt(0));
            prop_assert_eq!(worth.pays, worth.reward > worth.cost);
        }
    }
}
