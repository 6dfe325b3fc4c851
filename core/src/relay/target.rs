use std::fmt;

use super::RelayHash;

/// The difficulty of a service: only relays whose hash lies below it count. Lower is harder.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(pub [u8; 32]);

/// A target that is not 32 bytes long. The chain refuses every proof under such a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the difficulty target has {0} bytes, expected 32; is the node sound?")]
pub struct TargetError(pub usize);

impl Target {
    /// The target of a service without a history: every relay counts, but for the one whose hash is all ones.
    pub const BASE: Self = Self([0xff; 32]);

    /// Takes the bytes of a query's answer.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, TargetError> {
        bytes.try_into().map(Self).map_err(|_| TargetError(bytes.len()))
    }

    /// Whether a relay counts: its hash is strictly below the target, both read as big-endian numbers.
    #[must_use]
    pub fn admits(&self, hash: &RelayHash) -> bool {
        hash.0 < self.0
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
