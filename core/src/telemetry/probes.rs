use serde::Serialize;

/// What a role answers on its administration port. Called for each request: read memory only, never wait.
pub trait Probes: Send + Sync + 'static {
    /// What does not make progress any more; empty while all is well.
    fn stalled(&self) -> Vec<String>;

    /// Whether the role can do its work now, check by check.
    fn readiness(&self) -> Readiness;

    /// Everything else that is worth seeing, as JSON.
    fn status(&self) -> serde_json::Value;

    /// Whether one part of the role can do its work, by its name: an HTTP status, and what is known about it. `None` for a
    /// role without parts.
    fn part(&self, _name: &str) -> Option<(u16, serde_json::Value)> {
        None
    }
}

/// The outcome of all readiness checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Each check with its outcome.
    pub checks: Vec<Check>,
}

/// One thing a role needs before it can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// A short name, as `redis`.
    pub name: &'static str,
    /// Whether the need is met.
    pub ready: bool,
    /// What is seen, or what is wrong.
    pub message: String,
}

impl Readiness {
    /// Adds a check.
    pub fn check(&mut self, name: &'static str, ready: bool, message: impl Into<String>) -> &mut Self {
        self.checks.push(Check { name, ready, message: message.into() });
        self
    }

    /// Whether every check passed.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.checks.iter().all(|check| check.ready)
    }
}
