//! Requests that were served before are refused: a signed request pays for one answer.
//!
//! The bytes of a ring signature are no identity, since anybody can rotate its members into another valid signature. What
//! rotation leaves is the message, the key image, and the set of (response, member) pairs: their hash is remembered.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

/// Sixteen bytes of a hash: enough, since a collision costs its finder one relay.
type Fingerprint = [u8; 16];

/// Bytes of a ring signature before its members, and of each member's part.
const HEAD: usize = 69;
const MEMBER: usize = 65;

/// The most recently served requests, bounded by number; the oldest are forgotten first.
#[derive(Debug)]
pub(crate) struct Replays {
    most: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    set: HashSet<Fingerprint>,
    order: VecDeque<Fingerprint>,
}

/// The right to serve a request once. Dropped without [`Claim::keep`] it is given back, so that a request which got no
/// answer can be sent again.
#[derive(Debug)]
pub(crate) struct Claim {
    replays: Arc<Replays>,
    fingerprint: Option<Fingerprint>,
}

impl Replays {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, seen: Mutex::default() })
    }

    /// Claims a request whose signature was verified; `None` when it is served already, or right now.
    pub(crate) fn claim(self: &Arc<Self>, message: &[u8; 32], signature: &[u8]) -> Option<Claim> {
        if self.most == 0 {
            return Some(Claim { replays: Arc::clone(self), fingerprint: None });
        }
        let fingerprint = fingerprint(message, signature);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.set.insert(fingerprint) {
            return None;
        }
        seen.order.push_back(fingerprint);
        while seen.order.len() > self.most {
            if let Some(oldest) = seen.order.pop_front() {
                seen.set.remove(&oldest);
            }
        }
        Some(Claim { replays: Arc::clone(self), fingerprint: Some(fingerprint) })
    }
}

impl Claim {
    /// The request was answered: it stays remembered.
    pub(crate) fn keep(mut self) {
        self.fingerprint = None;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(fingerprint) = self.fingerprint {
            // Its place in the order stays behind and ages out; forgetting it twice does no harm.
            self.replays.seen.lock().unwrap_or_else(PoisonError::into_inner).set.remove(&fingerprint);
        }
    }
}

fn fingerprint(message: &[u8; 32], signature: &[u8]) -> Fingerprint {
    let (head, members) = signature.split_at(HEAD.min(signature.len()));
    let mut pairs: Vec<&[u8]> = members.chunks(MEMBER).collect();
    pairs.sort_unstable();
    let mut hash = Sha256::new();
    hash.update(message);
    // The first challenge changes with rotation; count and key image do not.
    hash.update(head.get(..4).unwrap_or_default());
    hash.update(head.get(36..).unwrap_or_default());
    for pair in pairs {
        hash.update(pair);
    }
    let digest = hash.finalize();
    let mut fingerprint = Fingerprint::default();
    fingerprint.copy_from_slice(&digest[..16]);
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Count, challenge, key image, then two pairs.
    fn signature(challenge: u8, pairs: [u8; 2]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 0, 2];
        bytes.extend([challenge; 32]);
        bytes.extend([9; 33]);
        bytes.extend([pairs[0]; 65]);
        bytes.extend([pairs[1]; 65]);
        bytes
    }

    #[test]
    fn a_rotated_signature_is_the_same_request() {
        let replays = Replays::new(10);
        replays.claim(&[1; 32], &signature(5, [1, 2])).unwrap().keep();
        assert!(replays.claim(&[1; 32], &signature(5, [1, 2])).is_none());
        assert!(replays.claim(&[1; 32], &signature(6, [2, 1])).is_none());
        assert!(replays.claim(&[1; 32], &signature(5, [1, 3])).is_some());
        assert!(replays.claim(&[2; 32], &signature(5, [1, 2])).is_some());
    }

    #[test]
    fn what_got_no_answer_may_come_again() {
        let replays = Replays::new(10);
        let claim = replays.claim(&[1; 32], &signature(5, [1, 2])).unwrap();
        assert!(replays.claim(&[1; 32], &signature(5, [1, 2])).is_none(), "in progress");
        drop(claim);
        assert!(replays.claim(&[1; 32], &signature(5, [1, 2])).is_some());
    }

    #[test]
    fn memory_is_bounded() {
        let replays = Replays::new(3);
        for number in 0..10 {
            replays.claim(&[number; 32], &signature(5, [1, 2])).unwrap().keep();
        }
        let seen = replays.seen.lock().unwrap();
        assert_eq!((seen.set.len(), seen.order.len()), (3, 3));
        drop(seen);
        assert!(replays.claim(&[9; 32], &signature(5, [1, 2])).is_none());
        assert!(replays.claim(&[0; 32], &signature(5, [1, 2])).is_some());
    }
}
