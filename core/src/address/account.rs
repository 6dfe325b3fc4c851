use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use bech32::primitives::decode::CheckedHrpstring;
use bech32::{Bech32, Hrp};
use ripemd::Ripemd160;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::PublicKey;

const PREFIX: &str = "pokt";
const LONGEST_PAYLOAD: usize = 255;

/// A bech32 account address with prefix `pokt`, kept as its lower-case text. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(Arc<str>);

/// Why a text is not an account address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The checksum, alphabet or length is wrong.
    #[error("{text:?} is not a bech32 address: {reason}")]
    NotBech32 {
        /// The text as given.
        text: String,
        /// What the decoder says.
        reason: String,
    },
    /// A valid bech32 text of another network.
    #[error("{text:?} has prefix {found:?}, expected \"pokt\"")]
    ForeignPrefix {
        /// The text as given.
        text: String,
        /// Its prefix.
        found: String,
    },
    /// No bytes, or more than an account address can have.
    #[error("{text:?} carries {length} bytes, expected 1 to 255")]
    PayloadLength {
        /// The text as given.
        text: String,
        /// Number of bytes.
        length: usize,
    },
}

impl Address {
    /// The address of a public key.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        let payload = Ripemd160::digest(Sha256::digest(key.as_bytes()));
        Self(encode(&payload).into())
    }

    /// The address that carries these bytes (20 for accounts made from keys).
    ///
    /// # Errors
    /// [`AddressError::PayloadLength`] when there are none or more than 255.
    pub fn from_payload(payload: &[u8]) -> Result<Self, AddressError> {
        if payload.is_empty() || payload.len() > LONGEST_PAYLOAD {
            return Err(AddressError::PayloadLength { text: hex::encode(payload), length: payload.len() });
        }
        Ok(Self(encode(payload).into()))
    }

    /// The bytes inside.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        CheckedHrpstring::new::<Bech32>(&self.0).map(|checked| checked.byte_iter().collect()).unwrap_or_default()
    }

    /// The bech32 text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn encode(payload: &[u8]) -> String {
    // An encoding of at most 255 bytes under a constant prefix cannot fail.
    bech32::encode::<Bech32>(Hrp::parse_unchecked(PREFIX), payload).unwrap_or_default()
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_bech32 = |reason: String| AddressError::NotBech32 { text: text.to_owned(), reason };
        let checked = CheckedHrpstring::new::<Bech32>(text).map_err(|error| not_bech32(error.to_string()))?;
        let found = checked.hrp().to_lowercase();
        if found != PREFIX {
            return Err(AddressError::ForeignPrefix { text: text.to_owned(), found });
        }
        check_padding(&checked).map_err(not_bech32)?;
        let length = checked.byte_iter().count();
        if length == 0 || length > LONGEST_PAYLOAD {
            return Err(AddressError::PayloadLength { text: text.to_owned(), length });
        }
        Ok(Self(text.to_lowercase().into()))
    }
}

/// The part of bech32 decoding that the library leaves to its users: left-over bits are fewer than five and zero.
fn check_padding(checked: &CheckedHrpstring<'_>) -> Result<(), String> {
    let symbols: Vec<u8> = checked.fe32_iter::<std::iter::Empty<u8>>().map(bech32::Fe32::to_u8).collect();
    let spare = symbols.len() * 5 % 8;
    if spare >= 5 {
        return Err("a superfluous character at the end".to_owned());
    }
    match symbols.last() {
        Some(last) if last & ((1 << spare) - 1) != 0 => Err("padding is not zero".to_owned()),
        _ => Ok(()),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Address {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0.as_ref().to_owned()
    }
}
