//! How much of the suite is run: the short selection of the gate, or what the environment asks for.

use std::env;

/// Seeds to play and the size of each run.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) seeds: Vec<u64>,
    /// Sessions in which relays are sent.
    pub(crate) sessions: u64,
    pub(crate) suppliers: usize,
    pub(crate) services: usize,
}

impl Selection {
    /// `CHAOS_SEEDS` is a list of numbers and ranges, such as `3,10-19`; `CHAOS_SESSIONS`, `CHAOS_SUPPLIERS` and
    /// `CHAOS_SERVICES` are numbers.
    pub(crate) fn from_environment() -> Self {
        Self {
            seeds: env::var("CHAOS_SEEDS").map_or(vec![1], |text| seeds(&text)),
            sessions: number("CHAOS_SESSIONS", 7),
            suppliers: usize::try_from(number("CHAOS_SUPPLIERS", 5)).unwrap(),
            services: usize::try_from(number("CHAOS_SERVICES", 2)).unwrap(),
        }
    }

    /// Supplier-sessions of a run that must have been settled at least. In two of the sessions it may be that nothing answers.
    pub(crate) fn least(&self) -> usize {
        usize::try_from(self.sessions.saturating_sub(2)).unwrap() * self.suppliers * self.services
    }

    /// What plays one seed again.
    pub(crate) fn command(&self, seed: u64) -> String {
        let Self { sessions, suppliers, services, .. } = self;
        format!(
            "CHAOS_SEEDS={seed} CHAOS_SESSIONS={sessions} CHAOS_SUPPLIERS={suppliers} CHAOS_SERVICES={services} make chaos"
        )
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

fn seeds(text: &str) -> Vec<u64> {
    let number = |text: &str| text.trim().parse().unwrap_or_else(|_| panic!("CHAOS_SEEDS: no number: {text}"));
    let range = |part: &str| match part.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => number(part)..=number(part),
    };
    text.split(',').flat_map(range).collect()
}

#[test]
fn seeds_are_numbers_and_ranges() {
    assert_eq!(seeds("7, 10-12"), [7, 10, 11, 12]);
}
