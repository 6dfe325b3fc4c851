use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::DENOMINATION;
use crate::proto::cosmos::base::v1beta1::Coin;

const DECIMALS: usize = 18;
const ONE: u128 = 1_000_000_000_000_000_000;

/// A price of gas such as `0.000001upokt`: up to 18 decimals, then the denomination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GasPrice {
    whole: u64,
    /// In units of 10⁻¹⁸, below [`ONE`].
    fraction: u64,
    denomination: String,
}

/// A text that is not a gas price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a gas price; write a decimal with at most 18 digits after the point and a denomination, such as 0.000001upokt"
)]
pub struct GasPriceError(String);

impl Default for GasPrice {
    /// One millionth of a upokt.
    fn default() -> Self {
        Self { whole: 0, fraction: 1_000_000_000_000, denomination: DENOMINATION.to_owned() }
    }
}

impl GasPrice {
    /// The fee for so much gas, rounded up. A fee of nothing is no coin at all.
    #[must_use]
    pub fn fee(&self, gas: u64) -> Vec<Coin> {
        let gas = u128::from(gas);
        // Neither product nor sum can overflow: each factor has at most 64 bits.
        let amount = u128::from(self.whole) * gas + (u128::from(self.fraction) * gas).div_ceil(ONE);
        if amount == 0 {
            return Vec::new();
        }
        vec![Coin { denom: self.denomination.clone(), amount: amount.to_string() }]
    }

    /// What it is paid in.
    #[must_use]
    pub fn denomination(&self) -> &str {
        &self.denomination
    }

    /// The lowest price in the same denomination at which so much gas costs at least `fee`. `None` for no gas.
    #[must_use]
    pub fn covering(&self, fee: u64, gas: u64) -> Option<Self> {
        let gas = u128::from(gas);
        let whole = u128::from(fee).checked_div(gas)?;
        let rest = u128::from(fee) - whole * gas;
        let fraction = (rest * ONE).div_ceil(gas);
        // Rounded up, the fraction can make a whole.
        let (whole, fraction) = if fraction == ONE { (whole + 1, 0) } else { (whole, fraction) };
        let denomination = self.denomination.clone();
        Some(Self { whole: u64::try_from(whole).ok()?, fraction: u64::try_from(fraction).ok()?, denomination })
    }

    /// Whether this is a higher price than `other`; prices in different denominations cannot be compared.
    #[must_use]
    pub fn is_more_than(&self, other: &Self) -> bool {
        self.denomination == other.denomination && (self.whole, self.fraction) > (other.whole, other.fraction)
    }

    /// Whether this is the same price as `other`, or a higher one.
    #[must_use]
    pub fn is_at_least(&self, other: &Self) -> bool {
        self == other || self.is_more_than(other)
    }
}

impl FromStr for GasPrice {
    type Err = GasPriceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || GasPriceError(text.to_owned());
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').ok_or_else(wrong)?;
        let (number, denomination) = text.split_at(end);
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let named = denomination.len() >= 3 && denomination.chars().all(|character| character.is_ascii_alphanumeric());
        if decimals.is_empty() || decimals.len() > DECIMALS || !named {
            return Err(wrong());
        }
        let fraction = format!("{decimals:0<DECIMALS$}");
        Ok(Self {
            whole: whole.parse().map_err(|_| wrong())?,
            fraction: fraction.parse().map_err(|_| wrong())?,
            denomination: denomination.to_owned(),
        })
    }
}

impl fmt::Display for GasPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fraction = format!("{:0DECIMALS$}", self.fraction);
        let decimals = fraction.trim_end_matches('0');
        if decimals.is_empty() {
            return write!(f, "{}{}", self.whole, self.denomination);
        }
        write!(f, "{}.{decimals}{}", self.whole, self.denomination)
    }
}

impl TryFrom<String> for GasPrice {
    type Error = GasPriceError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<GasPrice> for String {
    fn from(price: GasPrice) -> Self {
        price.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_keeps_its_text() {
        for text in ["0.000001upokt", "5upokt", "0.1mact", "123456789.987654321upokt", "0.000000000000000001upokt"] {
            assert_eq!(text.parse::<GasPrice>().unwrap().to_string(), text);
        }
        assert_eq!(GasPrice::default().to_string(), "0.000001upokt");
    }

    #[test]
    fn a_price_covers_a_fee_and_no_lower_one_does() {
        let price = GasPrice::default();
        for (fee, gas) in [(1, 3), (924, 924_000), (7, 7), (0, 5), (u64::MAX, 1), (1, u64::MAX), (2, u64::MAX - 1)] {
            let covering = price.covering(fee, gas).unwrap();
            let paid = covering.fee(gas).first().map_or(0, |coin| coin.amount.parse::<u128>().unwrap());
            // A price has 18 decimals, and what it comes to is rounded up.
            let most = u128::from(fee) + u128::from(gas).div_ceil(ONE);
            assert!((u128::from(fee)..=most).contains(&paid), "{fee} for {gas}: {covering} pays {paid}");
        }
        assert_eq!(price.covering(1, 0), None);
        assert!("2upokt".parse::<GasPrice>().unwrap().is_more_than(&"1.9upokt".parse().unwrap()));
        assert!(!"2foo".parse::<GasPrice>().unwrap().is_more_than(&"1upokt".parse().unwrap()));
        assert!(price.is_at_least(&price) && !price.is_more_than(&price));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "upokt", "1", ".5upokt", "1.upokt", "1.2.3upokt", "-1upokt", "0.0000000000000000001upokt", "1u"]
        {
            assert!(text.parse::<GasPrice>().is_err(), "{text}");
        }
    }
}
