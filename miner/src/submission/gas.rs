//! How much gas a transaction may take: simulated, configured, or learned from what came before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use relay_core::chain::tx::adjusted_gas;
use serde::{Deserialize, Serialize};

use super::Kind;

/// What a transaction takes beside its messages: signature, bytes, nonce.
const BASE: u64 = 50_000;

/// The most that failures can raise a limit, in percent.
const MOST_RAISED: u64 = 800;

/// Where gas limits come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum GasMode {
    /// Each transaction is simulated first. The word `simulate`.
    #[default]
    #[serde(with = "simulate")]
    Simulate,
    /// So much for each message; nothing is simulated.
    #[serde(rename_all = "camelCase")]
    Fixed {
        /// Gas of one claim.
        claim: u64,
        /// Gas of one proof.
        proof: u64,
    },
}

mod simulate {
    use serde::{Deserialize, Deserializer, Serializer, de};

    const WORD: &str = "simulate";

    pub(super) fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(WORD)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == WORD { Ok(()) } else { Err(de::Error::custom(format!("{word:?} is not {WORD:?}"))) }
    }
}

/// What the transactions of all suppliers of a process took so far. Cheap to clone; all clones learn together.
#[derive(Debug, Clone, Default)]
pub struct GasBook(Arc<Mutex<[Learned; 2]>>);

#[derive(Debug, Clone, Copy)]
struct Learned {
    /// The most that one message took lately; 0 before the first simulation.
    each: u64,
    /// How much more than that is allowed, because transactions ran out of it.
    percent: u64,
}

impl Default for Learned {
    fn default() -> Self {
        Self { each: 0, percent: 100 }
    }
}

impl GasBook {
    /// Keeps in mind what a simulation took. Older, higher values fade.
    pub fn learn(&self, kind: Kind, messages: usize, used: u64) {
        let each = used.div_ceil(count(messages));
        let mut book = self.lock();
        let learned = slot(&mut book, kind);
        learned.each = each.max(learned.each - learned.each / 16);
    }

    /// A transaction ran out of gas in its block: the next ones get half as much again.
    pub fn raise(&self, kind: Kind) {
        let mut book = self.lock();
        let learned = slot(&mut book, kind);
        learned.percent = (learned.percent + learned.percent / 2).min(MOST_RAISED);
    }

    /// What was simulated, with the adjustment and what failures taught.
    #[must_use]
    pub fn limit(&self, kind: Kind, used: u64, adjustment: f64) -> u64 {
        let percent = slot(&mut self.lock(), kind).percent;
        percent_of(adjusted_gas(used, adjustment), percent)
    }

    /// A limit without a simulation; `None` while nothing is known.
    #[must_use]
    pub fn estimate(&self, mode: GasMode, kind: Kind, messages: usize, adjustment: f64) -> Option<u64> {
        let Learned { each, percent } = *slot(&mut self.lock(), kind);
        let fixed = match (mode, kind) {
            (GasMode::Fixed { claim, .. }, Kind::Claim) => claim,
            (GasMode::Fixed { proof, .. }, Kind::Proof) => proof,
            (GasMode::Simulate, _) => {
                let used = BASE.saturating_add(each.saturating_mul(count(messages)));
                return (each > 0).then(|| percent_of(adjusted_gas(used, adjustment), percent));
            }
        };
        Some(percent_of(BASE.saturating_add(fixed.saturating_mul(count(messages))), percent))
    }

    /// Nothing panics while this lock is held.
    fn lock(&self) -> MutexGuard<'_, [Learned; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn slot(book: &mut [Learned; 2], kind: Kind) -> &mut Learned {
    let [claim, proof] = book;
    match kind {
        Kind::Claim => claim,
        Kind::Proof => proof,
    }
}

fn count(messages: usize) -> u64 {
    u64::try_from(messages).unwrap_or(u64::MAX).max(1)
}

fn percent_of(gas: u64, percent: u64) -> u64 {
    u64::try_from(u128::from(gas) * u128::from(percent) / 100).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_guessed_before_the_first_simulation() {
        let book = GasBook::default();
        assert_eq!(book.estimate(GasMode::Simulate, Kind::Claim, 3, 1.7), None);
        book.learn(Kind::Claim, 3, 292_000);
        assert!(book.estimate(GasMode::Simulate, Kind::Claim, 3, 1.7).unwrap() > 292_000);
        assert_eq!(book.estimate(GasMode::Simulate, Kind::Proof, 3, 1.7), None, "claims teach nothing about proofs");
    }

    #[test]
    fn running_out_of_gas_raises_the_limit_within_bounds() {
        let book = GasBook::default();
        let fixed = GasMode::Fixed { claim: 100_000, proof: 200_000 };
        assert_eq!(book.estimate(fixed, Kind::Claim, 2, 1.7), Some(250_000));
        book.raise(Kind::Claim);
        assert_eq!(book.estimate(fixed, Kind::Claim, 2, 1.7), Some(375_000));
        assert_eq!(book.limit(Kind::Claim, 100_000, 1.0), 150_000);
        for _ in 0..100 {
            book.raise(Kind::Claim);
        }
        assert_eq!(book.estimate(fixed, Kind::Claim, 2, 1.7), Some(2_000_000));
        assert_eq!(book.estimate(fixed, Kind::Proof, 1, 1.7), Some(250_000));
    }

    #[test]
    fn a_mode_is_a_word_or_two_numbers() {
        let read = |text: &str| serde_json::from_str::<GasMode>(text);
        assert_eq!(read("\"simulate\"").unwrap(), GasMode::Simulate);
        assert_eq!(read(r#"{"claim": 1, "proof": 2}"#).unwrap(), GasMode::Fixed { claim: 1, proof: 2 });
        assert!(read("\"guess\"").is_err());
        assert_eq!(serde_json::to_string(&GasMode::Simulate).unwrap(), "\"simulate\"");
    }
}
