//! What a unit of gas costs: what is configured, or more where a node asks for more, up to a ceiling.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use relay_core::chain::Rejection;
use relay_core::chain::tx::GasPrice;

/// How long a price that a node asked for is paid. After that the configured one is tried again.
const REMEMBERED: Duration = Duration::from_hours(6);

/// The price of gas, shared by all suppliers of a process. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Price {
    configured: GasPrice,
    ceiling: GasPrice,
    learned: Arc<Mutex<Option<(GasPrice, Instant)>>>,
}

impl Price {
    /// The configured price, and the most that is ever paid.
    #[must_use]
    pub fn new(configured: GasPrice, ceiling: GasPrice) -> Self {
        Self { configured, ceiling, learned: Arc::default() }
    }

    /// The price to pay now.
    #[must_use]
    pub fn now(&self) -> GasPrice {
        let learned = self.learned.lock().unwrap_or_else(PoisonError::into_inner);
        match &*learned {
            Some((price, at)) if at.elapsed() < REMEMBERED => price.clone(),
            _ => self.configured.clone(),
        }
    }

    /// Learns from a node that refused a fee. `true` when another attempt now can go better.
    pub fn learn(&self, rejection: &Rejection, gas: u64) -> bool {
        let paid = self.now();
        let Some(asked) = required_fee(&rejection.text, paid.denomination()) else { return false };
        let Some(price) = paid.covering(asked, gas) else { return false };
        if !self.ceiling.is_at_least(&price) || !price.is_more_than(&paid) {
            return false;
        }
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner) = Some((price, Instant::now()));
        true
    }
}

/// The fee that a node asks for: `insufficient fees; got: 1upokt required: 924upokt: insufficient fee`.
fn required_fee(text: &str, denomination: &str) -> Option<u64> {
    let (_, rest) = text.split_once("required: ")?;
    let coins = rest.split(':').next()?;
    coins.split(',').find_map(|coin| coin.trim().strip_suffix(denomination)?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(ceiling: &str) -> Price {
        Price::new("0.000001upokt".parse().unwrap(), ceiling.parse().unwrap())
    }

    fn refusal(required: &str) -> Rejection {
        Rejection::of("sdk", 13, &format!("insufficient fees; got: 1upokt required: {required}: insufficient fee"))
    }

    #[test]
    fn a_node_that_asks_for_more_gets_it_up_to_the_ceiling() {
        let price = price("0.01upokt");
        assert!(price.learn(&refusal("924upokt"), 924_000));
        assert_eq!(price.now().to_string(), "0.001upokt");
        assert!(price.learn(&refusal("5foo,1000upokt"), 924_000));
        assert!(price.now().fee(924_000)[0].amount.parse::<u64>().unwrap() >= 1000);
        assert!(!price.learn(&refusal("924000upokt"), 924_000), "a hundred times the ceiling");
        assert!(!price.learn(&refusal("1upokt"), 924_000), "less than is paid already");
        assert!(!price.learn(&refusal("nothing"), 924_000));
    }
}
