use std::fmt;
use std::str::FromStr;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Digits after the point that a factor may have.
const MOST_DIGITS: u32 = 18;

/// The part of an application's stake that a supplier lets it spend in one session, as an exact decimal number: `0.02` is a
/// fiftieth. Above 1 it is a choice to serve what may never be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Factor {
    digits: u64,
    after_point: u32,
}

/// A text that is no factor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no service factor: write a decimal number from 0 on with at most 18 digits, such as 0.02")]
pub struct FactorError(String);

impl Factor {
    /// This part of an amount, rounded down; `None` when it does not fit 128 bits.
    #[must_use]
    pub fn of(self, amount: u128) -> Option<u128> {
        Some(amount.checked_mul(u128::from(self.digits))? / 10_u128.pow(self.after_point))
    }
}

impl FromStr for Factor {
    type Err = FactorError;

    fn from_str(text: &str) -> Result<Self, FactorError> {
        let refuse = || FactorError(text.to_owned());
        let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
        let all_digits = whole.bytes().chain(part.bytes()).all(|byte| byte.is_ascii_digit());
        let part = part.trim_end_matches('0');
        let after_point = u32::try_from(part.len()).ok().filter(|count| *count <= MOST_DIGITS).ok_or_else(refuse)?;
        if whole.is_empty() || !all_digits {
            return Err(refuse());
        }
        let digits = format!("{whole}{part}").parse().map_err(|_| refuse())?;
        Ok(Self { digits, after_point })
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = 10_u64.pow(self.after_point);
        let (whole, part) = (self.digits / scale, self.digits % scale);
        if self.after_point == 0 {
            return whole.fmt(f);
        }
        write!(f, "{whole}.{part:0width$}", width = self.after_point as usize)
    }
}

impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number, or a text for more digits than a binary fraction has.
impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Factor;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number such as 0.02")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Factor, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Factor, E> {
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Factor, E> {
                // The shortest text that reads back as this number: the digits that were written.
                number.to_string().parse().map_err(E::custom)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Factor, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Written).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_meant() {
        for (text, shown, of_a_thousand) in [
            ("0", "0", 0),
            ("1", "1", 1000),
            ("1.50", "1.5", 1500),
            ("0.02", "0.02", 20),
            ("0.0009", "0.0009", 0),
            ("00.5", "0.5", 500),
        ] {
            let factor: Factor = text.parse().unwrap();
            assert_eq!((factor.to_string().as_str(), factor.of(1000)), (shown, Some(of_a_thousand)), "{text}");
        }
        for text in ["", ".5", "-1", "1e3", "0x1", "a", "1.2.3", "NaN", "0.1234567890123456789", "99999999999999999999"]
        {
            assert!(text.parse::<Factor>().is_err(), "{text}");
        }
    }

    #[test]
    fn yaml_numbers_and_texts_are_read() {
        let read = |text: &str| serde_saphyr::from_str::<Factor>(text).map(|factor| factor.to_string());
        assert_eq!(read("0.02").unwrap(), "0.02");
        assert_eq!(read("1e-9").unwrap(), "0.000000001");
        assert_eq!(read("3").unwrap(), "3");
        assert_eq!(read("'0.1'").unwrap(), "0.1");
        for wrong in ["-1", "-0.5", ".nan", ".inf", "[]", "many"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn texts_survive(digits: u64, after_point in 0_u32..=18) {
            let factor = Factor { digits, after_point };
            let again: Factor = factor.to_string().parse().unwrap();
            prop_assert_eq!(again.of(1 << 60), factor.of(1 << 60));
        }

        #[test]
        fn a_part_is_never_rounded_up(amount in 0..1_u128 << 63, digits: u64, after_point in 0_u32..=18) {
            let part = Factor { digits, after_point }.of(amount).unwrap();
            let scale = 10_u128.pow(after_point);
            let product = amount * u128::from(digits);
            prop_assert!(part * scale <= product && product - part * scale < scale);
        }
    }
}
