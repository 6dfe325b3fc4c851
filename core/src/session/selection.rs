use sha3::{Digest, Sha3_256};

use crate::units::Height;

/// A supplier's configuration for the service of a session, as the chain keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Operator address.
    pub operator: String,
    /// First block at which the configuration counts.
    pub activation: Height,
    /// First block at which it no longer counts; `None` while it has no end.
    pub deactivation: Option<Height>,
}

impl Candidate {
    fn active_at(&self, height: Height) -> bool {
        self.activation <= height && self.deactivation.is_none_or(|deactivation| height < deactivation)
    }
}

/// The draw of one supplier in one session. Lower is better, and the numbers are signed.
#[must_use]
pub fn weight(session_preimage: &[u8], operator: &str) -> i64 {
    let digest =
        Sha3_256::new().chain_update(session_preimage).chain_update(b".").chain_update(operator.as_bytes()).finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// The operators of a session at a height, in the chain's order; empty when there is none, where the chain has no session.
///
/// Fewer candidates than places: all of them, as the chain's store lists them, unweighted. Otherwise the `places` lowest
/// weights, in order.
#[must_use]
pub fn select_suppliers<'c>(
    session_preimage: &[u8],
    candidates: &'c [Candidate],
    height: Height,
    places: usize,
) -> Vec<&'c str> {
    let mut active: Vec<&Candidate> = candidates.iter().filter(|candidate| candidate.active_at(height)).collect();
    if active.len() < places {
        active.sort_by_key(|candidate| (candidate.activation, candidate.operator.as_bytes()));
    } else {
        active.sort_by_cached_key(|candidate| {
            (weight(session_preimage, &candidate.operator), candidate.operator.as_bytes())
        });
        active.truncate(places);
    }
    active.into_iter().map(|candidate| candidate.operator.as_str()).collect()
}
