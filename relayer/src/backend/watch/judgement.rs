/// Whether a node is good, by its last probes. It is until proven otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    to_fall: u32,
    to_rise: u32,
    good: bool,
    /// Outcomes in a row that speak against the present judgement.
    against: u32,
}

impl Judgement {
    pub(super) fn new(to_fall: u32, to_rise: u32) -> Self {
        Self { to_fall, to_rise, good: true, against: 0 }
    }

    /// Takes the outcome of a probe. Gives the new judgement when it changes.
    pub(super) fn observe(&mut self, good: bool) -> Option<bool> {
        if good == self.good {
            self.against = 0;
            return None;
        }
        self.against += 1;
        let needed = if self.good { self.to_fall } else { self.to_rise };
        if self.against < needed {
            return None;
        }
        (self.good, self.against) = (good, 0);
        Some(good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_outcomes_in_a_row_change_it() {
        let mut judgement = Judgement::new(3, 2);
        let outcomes = [false, false, true, false, false, false, true, false, true, true, false];
        let changes: Vec<Option<bool>> = outcomes.into_iter().map(|good| judgement.observe(good)).collect();
        let mut expected = [None; 11];
        (expected[5], expected[9]) = (Some(false), Some(true));
        assert_eq!(changes, expected);
    }
}
