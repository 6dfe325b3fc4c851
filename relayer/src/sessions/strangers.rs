use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use relay_core::address::Address;
use relay_core::session::SessionHeader;

/// Sessions that turned out not to be, in a row and then each second.
const BURST: u32 = 100;
const A_SECOND: u32 = 20;
/// Applications that are known to be. When there are more, all are strangers once more.
const MOST_FRIENDS: usize = 65_536;

/// Keeps callers from making questions for the chain out of invented sessions: each one that does not exist costs a token, and
/// without tokens only sessions that look right of applications that are known to exist are asked for.
#[derive(Debug)]
pub(super) struct Strangers(Mutex<State>);

#[derive(Debug)]
struct State {
    tokens: u32,
    filled: Instant,
    friends: HashSet<Address>,
    /// First block and length of a session that exists: all sessions of one time lie on the same grid.
    grid: Option<(i64, i64)>,
    complained: bool,
}

impl Default for Strangers {
    fn default() -> Self {
        let state =
            State { tokens: BURST, filled: Instant::now(), friends: HashSet::new(), grid: None, complained: false };
        Self(Mutex::new(state))
    }
}

impl Strangers {
    /// Whether the chain may be asked for this session.
    pub(super) fn may_ask(&self, claimed: &SessionHeader) -> bool {
        let mut state = self.state();
        state.fill(Instant::now());
        let may = state.tokens > 0 || (state.friends.contains(&claimed.application) && state.on_grid(claimed));
        if !may && !state.complained {
            tracing::warn!("too many sessions are asked for that do not exist; unknown applications have to wait");
        }
        state.complained = !may;
        may
    }

    /// It exists just as it was claimed.
    pub(super) fn proven(&self, claimed: &SessionHeader) {
        let mut state = self.state();
        if state.friends.len() >= MOST_FRIENDS {
            state.friends.clear();
        }
        state.friends.insert(claimed.application.clone());
        state.grid = Some((claimed.start.0, claimed.end - claimed.start + 1));
    }

    /// It does not.
    pub(super) fn disproven(&self) {
        let mut state = self.state();
        state.tokens = state.tokens.saturating_sub(1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled);
        let tokens = u32::try_from(passed.as_millis() * u128::from(A_SECOND) / 1000).unwrap_or(BURST);
        if tokens > 0 {
            self.tokens = self.tokens.saturating_add(tokens).min(BURST);
            self.filled =
                if self.tokens == BURST { now } else { self.filled + Duration::from_secs(1) / A_SECOND * tokens };
        }
    }

    fn on_grid(&self, claimed: &SessionHeader) -> bool {
        self.grid.is_some_and(|(start, length)| {
            claimed.end - claimed.start + 1 == length && (claimed.start.0 - start) % length == 0
        })
    }
}

#[cfg(test)]
mod tests {
    use relay_core::units::Height;

    use super::*;

    fn session(application: u8, start: i64, end: i64) -> SessionHeader {
        let application = Address::from_payload(&[application; 20]).unwrap();
        SessionHeader { application, service: "s".into(), id: "id".into(), start: Height(start), end: Height(end) }
    }

    #[test]
    fn a_flood_of_invented_sessions_leaves_known_applications_alone() {
        let strangers = Strangers::default();
        strangers.proven(&session(1, 11, 20));
        let asked = (0..1_000).filter(|_| {
            let may = strangers.may_ask(&session(2, 11, 20));
            if may {
                strangers.disproven();
            }
            may
        });
        let asked = asked.count();
        assert!((100..200).contains(&asked), "{asked}");
        strangers.state().tokens = 0;
        strangers.state().filled = Instant::now();
        assert!(strangers.may_ask(&session(1, 31, 40)), "its next session but one");
        assert!(!strangers.may_ask(&session(1, 32, 41)), "no session begins there");
        assert!(!strangers.may_ask(&session(1, 31, 45)), "none is as long");
        assert!(!strangers.may_ask(&session(2, 31, 40)));
        strangers.state().filled -= Duration::from_secs(1);
        assert!(strangers.may_ask(&session(2, 31, 40)), "later");
    }
}
