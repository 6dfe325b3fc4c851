//! The root that a claim commits to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::digest::{DIGEST, Digest};

/// Hash, sum and count of a whole trie: 32 bytes, then two big-endian 64-bit numbers. Texts are 96 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Root(pub [u8; DIGEST]);

impl Root {
    /// The root of the trie without leaves. The chain refuses claims for it.
    pub const EMPTY: Self = Self([0; DIGEST]);

    /// The bytes of `MsgCreateClaim.root_hash`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; DIGEST] {
        &self.0
    }

    /// Compute units of all relays in the trie.
    #[must_use]
    pub fn sum(&self) -> u64 {
        Digest::from_bytes(&self.0).sum
    }

    /// Number of relays in the trie.
    #[must_use]
    pub fn count(&self) -> u64 {
        Digest::from_bytes(&self.0).count
    }
}

/// Why a text or bytes are no root.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum RootError {
    /// Another length.
    #[error("a trie root has 48 bytes, not {0}: check where this value comes from")]
    Length(usize),
    /// Not hexadecimal.
    #[error("a trie root is written as 96 hex digits: {0}")]
    Hex(#[from] hex::FromHexError),
}

impl TryFrom<&[u8]> for Root {
    type Error = RootError;

    fn try_from(bytes: &[u8]) -> Result<Self, RootError> {
        bytes.try_into().map(Self).map_err(|_| RootError::Length(bytes.len()))
    }
}

impl FromStr for Root {
    type Err = RootError;

    fn from_str(text: &str) -> Result<Self, RootError> {
        hex::decode(text)?.as_slice().try_into()
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({self})")
    }
}

impl Serialize for Root {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_survives_its_text_and_names_its_parts() {
        let text = format!("\"{}{}\"", "ab".repeat(32), "00000000000003e8000000000000000a");
        let root: Root = serde_json::from_str(&text).unwrap();
        assert_eq!((root.sum(), root.count()), (1000, 10));
        assert_eq!(serde_json::to_string(&root).unwrap(), text);
        assert_eq!(Root::try_from(root.as_bytes().as_slice()), Ok(root));
    }

    #[test]
    fn other_lengths_and_other_digits_are_refused() {
        assert_eq!(Root::try_from([0; 32].as_slice()), Err(RootError::Length(32)));
        assert_eq!("00".parse::<Root>(), Err(RootError::Length(1)));
        assert!(matches!("zz".parse::<Root>(), Err(RootError::Hex(_))));
    }
}
