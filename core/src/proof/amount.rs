use num_bigint::BigUint;

use crate::proto::pocket::shared::Params;
use crate::relay::Target;
use crate::units::{ComputeUnits, Upokt};

/// What turns the sum of a trie into money: all of it as in force at the session's first block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pricing {
    /// The service's relay difficulty. A relay that was hard to mine stands for many that were not mined.
    pub target: Target,
    /// `compute_units_to_tokens_multiplier`.
    pub multiplier: u64,
    /// `compute_unit_cost_granularity`.
    pub granularity: u64,
}

/// Why a claim has no price. The chain refuses to settle in the same cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// A target of zero admits no relay.
    #[error("the difficulty target is zero, no relay can be below it; is the node sound?")]
    ZeroTarget,
    /// The chain reads it as a signed number.
    #[error("the compute unit multiplier is {0}, expected at most 2^63-1")]
    Multiplier(u64),
    /// Zero, or not a signed number.
    #[error("the compute unit cost granularity is {0}, expected 1 to 2^63-1")]
    Granularity(u64),
    /// More than any supply.
    #[error("the claimed amount does not fit 128 bits")]
    TooLarge,
}

impl Pricing {
    /// Takes multiplier and granularity from the parameters in force at the session's first block.
    #[must_use]
    pub fn new(params: &Params, target: Target) -> Self {
        let (multiplier, granularity) =
            (params.compute_units_to_tokens_multiplier, params.compute_unit_cost_granularity);
        Self { target, multiplier, granularity }
    }
}

/// What a claim asks for: sum × difficulty × multiplier ÷ granularity, rounded down once, at the very end.
pub fn claimed_upokt(sum: ComputeUnits, pricing: &Pricing) -> Result<Upokt, AmountError> {
    let Pricing { target, multiplier, granularity } = *pricing;
    if i64::try_from(multiplier).is_err() {
        return Err(AmountError::Multiplier(multiplier));
    }
    if granularity == 0 || i64::try_from(granularity).is_err() {
        return Err(AmountError::Granularity(granularity));
    }
    let divisor = divisor(&target)? * granularity;
    let upokt = BigUint::from(sum.0) * base() * multiplier / divisor;
    u128::try_from(upokt).map(Upokt).map_err(|_| AmountError::TooLarge)
}

/// The compute units that a sum stands for at this difficulty. Only the low 64 bits, as the chain reports it.
pub fn estimated_compute_units(sum: ComputeUnits, target: &Target) -> Result<ComputeUnits, AmountError> {
    let estimate: BigUint = BigUint::from(sum.0) * base() / divisor(target)?;
    Ok(ComputeUnits(estimate.iter_u64_digits().next().unwrap_or(0)))
}

/// The relays that a trie stands for at this difficulty.
pub fn estimated_relays(sum: ComputeUnits, count: u64, target: &Target) -> Result<u64, AmountError> {
    let estimate = estimated_compute_units(sum, target)?;
    Ok(sum.0.checked_div(count).and_then(|per_relay| estimate.0.checked_div(per_relay)).unwrap_or(0))
}

pub(super) fn base() -> BigUint {
    BigUint::from_bytes_be(&Target::BASE.0)
}

fn divisor(target: &Target) -> Result<BigUint, AmountError> {
    if target.0 == [0; 32] {
        return Err(AmountError::ZeroTarget);
    }
    Ok(BigUint::from_bytes_be(&target.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pricing(target: [u8; 32], multiplier: u64, granularity: u64) -> Pricing {
        Pricing { target: Target(target), multiplier, granularity }
    }

    proptest! {
        /// One more relay never makes a claim cheaper, a harder target never either, and the difference is at most what the
        /// added compute units cost, rounded up.
        #[test]
        fn more_work_is_worth_more(
            sum in 0_u64..1 << 48, more in 1_u64..1 << 40, multiplier in 1_u64..1 << 40, granularity in 1_u64..1 << 40,
            mut target in prop::array::uniform32(any::<u8>()), harder in 1_u8..,
        ) {
            target[2] |= 1;
            let amount = |sum, target| claimed_upokt(ComputeUnits(sum), &pricing(target, multiplier, granularity)).unwrap().0;
            let (least, added, both) = (amount(sum, target), amount(more, target), amount(sum + more, target));
            prop_assert!(both >= least + added && both <= least + added + 1);
            let mut hard = target;
            hard[0] /= harder;
            prop_assert!(amount(sum, hard) >= least);
            prop_assert!(amount(sum, Target::BASE.0) <= least);
        }

        #[test]
        fn at_base_difficulty_nothing_is_scaled(sum: u64, count in 1_u64..) {
            prop_assert_eq!(estimated_compute_units(ComputeUnits(sum), &Target::BASE), Ok(ComputeUnits(sum)));
            let claimed = claimed_upokt(ComputeUnits(sum), &pricing(Target::BASE.0, 3, 1));
            prop_assert_eq!(claimed, Ok(Upokt(u128::from(sum) * 3)));
            let weight = sum / count;
            let relays = estimated_relays(ComputeUnits(weight.saturating_mul(count)), count, &Target::BASE);
            prop_assert_eq!(relays, Ok(if weight == 0 { 0 } else { count }));
        }
    }

    #[test]
    fn what_has_no_price() {
        let ask = |pricing| claimed_upokt(ComputeUnits(5), &pricing);
        assert_eq!(ask(pricing([0; 32], 1, 1)), Err(AmountError::ZeroTarget));
        assert_eq!(ask(pricing([1; 32], 1 << 63, 1)), Err(AmountError::Multiplier(1 << 63)));
        assert_eq!(ask(pricing([1; 32], 1, 0)), Err(AmountError::Granularity(0)));
        let mut one = [0; 32];
        one[31] = 1;
        assert_eq!(ask(pricing(one, 1, 1)), Err(AmountError::TooLarge));
    }
}
