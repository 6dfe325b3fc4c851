use std::collections::BTreeMap;

use crate::units::Height;

/// The values a parameter set had over time. A change made in the middle of a session is in force from the next one, so
/// asking for the live value gives the wrong price for sessions in flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParamsHistory<T> {
    live: T,
    entries: BTreeMap<Height, T>,
}

impl<T> ParamsHistory<T> {
    /// A history without entries: the live value holds at every height.
    #[must_use]
    pub fn new(live: T) -> Self {
        Self { live, entries: BTreeMap::new() }
    }

    /// Adds the value that is in force from `effective` on, and replaces what was recorded for that height.
    pub fn record(&mut self, effective: Height, value: T) {
        self.entries.insert(effective, value);
    }

    /// Replaces the live value.
    pub fn set_live(&mut self, live: T) {
        self.live = live;
    }

    /// The value in force at a height: of the newest entry not after it, else the live one.
    #[must_use]
    pub fn at(&self, height: Height) -> &T {
        self.entries.range(..=height).next_back().map_or(&self.live, |(_, value)| value)
    }

    /// Forgets entries that no height from `oldest` on needs, which keeps the history as short as the sessions in flight.
    pub fn forget_before(&mut self, oldest: Height) {
        let Some(kept) = self.entries.range(..=oldest).next_back().map(|(effective, _)| *effective) else { return };
        self.entries = self.entries.split_off(&kept);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn forgetting_changes_no_later_answer(heights in prop::collection::vec(1_i64..50, 0..8), oldest in 0_i64..60) {
            let mut history = ParamsHistory::new(0);
            for height in &heights {
                history.record(Height(*height), *height);
            }
            let whole = history.clone();
            history.forget_before(Height(oldest));
            for height in oldest..70 {
                prop_assert_eq!(history.at(Height(height)), whole.at(Height(height)));
            }
        }
    }
}
