use std::fmt;

use k256::ecdsa::SigningKey;
use k256::ecdsa::signature::hazmat::PrehashSigner;
use zeroize::Zeroizing;

use super::{Address, PublicKey};

/// A secp256k1 private key with its public key and address. Zeroised when dropped; never printed.
#[derive(Clone)]
pub struct SecretKey {
    signing: SigningKey,
    public: PublicKey,
    address: Address,
}

/// Why a text or byte string is not a private key. The value itself never appears in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretKeyError {
    /// Not 64 hex digits (an `0x` in front is fine).
    #[error(
        "a private key is 64 hex digits, optionally after 0x; this text has {0} characters or others than hex digits"
    )]
    NotHex(usize),
    /// Zero, or not below the group order.
    #[error("the number is not a valid secp256k1 private key")]
    OutOfRange,
}

impl SecretKey {
    /// Parses 64 hex digits, optionally after `0x`; white space around the digits is dropped, as in a file that ends in a
    /// new line.
    pub fn from_hex(text: &str) -> Result<Self, SecretKeyError> {
        let digits = text.strip_prefix("0x").unwrap_or(text).trim();
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, bytes.as_mut()).map_err(|_| SecretKeyError::NotHex(digits.len()))?;
        Self::from_bytes(&bytes)
    }

    /// Takes 32 bytes, big-endian.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SecretKeyError> {
        let signing = SigningKey::from_bytes(bytes.into()).map_err(|_| SecretKeyError::OutOfRange)?;
        let public = PublicKey::from_verifying_key(signing.verifying_key());
        let address = Address::of(&public);
        Ok(Self { signing, public, address })
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The account address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Signs a 32-byte hash: nonce by RFC 6979, low s, r ‖ s. The same hash gives the same 64 bytes.
    #[must_use]
    pub fn sign_prehash(&self, prehash: &[u8; 32]) -> [u8; 64] {
        // The signer only fails on a prehash shorter than half the field, which 32 bytes are not.
        let signature: Option<k256::ecdsa::Signature> = self.signing.sign_prehash(prehash).ok();
        signature.map_or([0; 64], |signature| signature.normalize_s().to_bytes().into())
    }

    /// The private scalar, for ring signatures.
    #[must_use]
    pub(crate) fn scalar(&self) -> &k256::NonZeroScalar {
        self.signing.as_nonzero_scalar()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {}", self.address)
    }
}
