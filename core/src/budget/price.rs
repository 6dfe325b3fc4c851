use crate::proto::pocket::shared::Params;
use crate::units::ComputeUnits;

use super::MOST_RELAYS;

/// What one relay costs, as an exact fraction of a uPOKT. It holds for a whole session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Compute units × multiplier.
    numerator: u128,
    granularity: u64,
}

/// Why a relay has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Nothing can be divided by it.
    #[error("the compute unit cost granularity is 0, expected at least 1; is the node sound?")]
    Granularity,
    /// A session without end. The chain does not accept this parameter either.
    #[error("the compute unit multiplier is 0, so that relays would cost nothing; is the node sound?")]
    Free,
    /// More than any stake.
    #[error("a relay costs more than 2^63-1 uPOKT; is the node sound?")]
    TooHigh,
}

impl Price {
    /// The price under the compute units and parameters in force at the session's first block. A service without compute
    /// units counts as one of one unit.
    pub fn new(units: ComputeUnits, params: &Params) -> Result<Self, PriceError> {
        let (multiplier, granularity) =
            (params.compute_units_to_tokens_multiplier, params.compute_unit_cost_granularity);
        if granularity == 0 {
            return Err(PriceError::Granularity);
        }
        if multiplier == 0 {
            return Err(PriceError::Free);
        }
        let price = Self { numerator: u128::from(units.0.max(1)) * u128::from(multiplier), granularity };
        if i64::try_from(price.upokt()).is_err() { Err(PriceError::TooHigh) } else { Ok(price) }
    }

    /// In whole uPOKT, rounded down. 0 for a relay that costs less than one.
    #[must_use]
    pub fn upokt(&self) -> u128 {
        self.numerator / u128::from(self.granularity)
    }

    /// How many relays a limit pays for. A price below one uPOKT is not rounded, so that it has an end as well.
    #[must_use]
    pub fn relays(&self, limit: u128) -> u64 {
        let relays = match self.upokt() {
            0 => limit.saturating_mul(u128::from(self.granularity)) / self.numerator,
            upokt => limit / upokt,
        };
        u64::try_from(relays).unwrap_or(u64::MAX).min(MOST_RELAYS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn params(multiplier: u64, granularity: u64) -> Params {
        Params {
            compute_units_to_tokens_multiplier: multiplier,
            compute_unit_cost_granularity: granularity,
            ..Params::default()
        }
    }

    #[test]
    fn what_has_no_price() {
        let ask = |units, multiplier, granularity| Price::new(ComputeUnits(units), &params(multiplier, granularity));
        assert_eq!(ask(1, 1, 0), Err(PriceError::Granularity));
        assert_eq!(ask(1, 0, 1), Err(PriceError::Free));
        assert_eq!(ask(8, 1 << 62, 1), Err(PriceError::TooHigh), "2^65 is not 0");
        assert_eq!(ask(u64::MAX, u64::MAX, u64::MAX), Err(PriceError::TooHigh));
        assert_eq!(ask(1, (1 << 63) - 1, 1).unwrap().upokt(), (1 << 63) - 1);
    }

    #[test]
    fn a_price_below_one_has_an_end() {
        let price = Price::new(ComputeUnits(1), &params(3, 1_000_000)).unwrap();
        assert_eq!((price.upokt(), price.relays(0), price.relays(1), price.relays(9)), (0, 0, 333_333, 3_000_000));
    }

    proptest! {
        /// What is served is worth what the chain would pay for it, but for the rounding of single relays: at most one uPOKT each.
        #[test]
        fn a_limit_pays_for_its_relays(
            units in 1_u64..1 << 24, multiplier in 1_u64..1 << 30, granularity in 1_u64..1 << 30, limit in 0..1_u128 << 63,
        ) {
            let price = Price::new(ComputeUnits(units), &params(multiplier, granularity)).unwrap();
            let relays = price.relays(limit);
            prop_assert!(relays <= MOST_RELAYS);
            prop_assert!(u128::from(relays) * price.upokt() <= limit);
            let exact = u128::from(relays) * u128::from(units) * u128::from(multiplier) / u128::from(granularity);
            if price.upokt() == 0 {
                prop_assert!(exact <= limit);
            } else {
                prop_assert!(exact - u128::from(relays) * price.upokt() <= u128::from(relays));
                prop_assert!(relays == MOST_RELAYS || u128::from(relays + 1) * price.upokt() > limit);
            }
            prop_assert!(price.relays(limit / 2) <= relays);
        }

        #[test]
        fn nothing_overflows(units: u64, multiplier: u64, granularity: u64, limit: u128) {
            if let Ok(price) = Price::new(ComputeUnits(units), &params(multiplier, granularity)) {
                prop_assert!(price.relays(limit) <= MOST_RELAYS);
            }
        }
    }
}
