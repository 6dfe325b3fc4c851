use std::sync::Arc;

use super::health::Health;
use super::target::Target;
use crate::refusal::BackendFault;

/// One node of a pool.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// How metrics and logs call it; never its URL, which may hold a credential.
    pub(crate) name: Arc<str>,
    pub(super) target: Target,
    pub(super) health: Health,
}

impl Endpoint {
    /// Whether it is worth sending relays to.
    pub(crate) fn is_good(&self) -> bool {
        self.health.is_good()
    }
}

/// The right to ask an endpoint once. Whoever holds it says how it went; dropped without a word it says nothing.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) endpoint: Arc<Endpoint>,
}

impl Attempt {
    /// The endpoint did its part.
    pub(crate) fn succeeded(self) {
        self.endpoint.health.good();
    }

    /// It did not. Only what the endpoint is to blame for counts against it.
    pub(crate) fn failed(self, fault: BackendFault) {
        if fault == BackendFault::Connection {
            self.endpoint.health.bad();
        }
    }
}
