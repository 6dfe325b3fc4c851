//! What an owner had in memory when it lost its lease.

use std::collections::BTreeMap;

use relay_core::store::Incarnation;
use relay_core::units::SessionId;

use crate::ownership::Weighs;
use crate::session::Session;

/// What a leaf takes in memory, with its part of the inner nodes.
const LEAF_BYTES: usize = 200;

/// Sessions with their tries, as far as one Redis had been read.
pub struct Memory {
    incarnation: Incarnation,
    sessions: BTreeMap<SessionId, Session>,
}

impl Memory {
    pub(super) fn new(incarnation: Incarnation, sessions: BTreeMap<SessionId, Session>) -> Self {
        Self { incarnation, sessions }
    }

    /// The sessions, if Redis is still the one that they were read from. Another one may have lost what they hold.
    pub(super) fn of(self, incarnation: &Incarnation) -> BTreeMap<SessionId, Session> {
        if self.incarnation == *incarnation { self.sessions } else { BTreeMap::new() }
    }
}

impl Weighs for Memory {
    fn bytes(&self) -> usize {
        let leaves: u64 = self.sessions.values().map(|session| session.tally().leaves).sum();
        usize::try_from(leaves).unwrap_or(usize::MAX).saturating_mul(LEAF_BYTES)
    }
}
