use std::fmt;

use k256::AffinePoint;
use k256::elliptic_curve::sec1::{FromSec1Point, Sec1Point};

/// A secp256k1 public key: 33 bytes, compressed, known to be a point of the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 33]);

/// The bytes are not the compressed form of a point.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a compressed secp256k1 public key: {0}")]
pub struct PublicKeyError(String);

impl PublicKey {
    /// Parses 33 bytes: prefix 02 or 03, then an x that lies on the curve.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PublicKeyError> {
        let (key, _) = Self::decompress(bytes)?;
        Ok(key)
    }

    /// Parses the key and gives its point too, for callers that go on to compute with it.
    pub fn decompress(bytes: &[u8]) -> Result<(Self, AffinePoint), PublicKeyError> {
        let compressed: [u8; 33] =
            bytes.try_into().map_err(|_| PublicKeyError(format!("{} bytes, expected 33", bytes.len())))?;
        if !matches!(compressed[0], 2 | 3) {
            return Err(PublicKeyError(format!("prefix {:02x}, expected 02 or 03", compressed[0])));
        }
        let encoded = Sec1Point::<k256::Secp256k1>::from_bytes(compressed)
            .map_err(|_| PublicKeyError("x is out of range".to_owned()))?;
        let point = Option::<AffinePoint>::from(AffinePoint::from_sec1_point(&encoded))
            .ok_or_else(|| PublicKeyError("x is not on the curve".to_owned()))?;
        Ok((Self(compressed), point))
    }

    /// A key that is known to be a point, such as a constant of the protocol.
    pub(crate) fn from_known_point(compressed: [u8; 33]) -> Self {
        Self(compressed)
    }

    pub(crate) fn from_verifying_key(key: &k256::ecdsa::VerifyingKey) -> Self {
        let mut bytes = [0; 33];
        bytes.copy_from_slice(key.to_sec1_point(true).as_bytes());
        Self(bytes)
    }

    /// The compressed form.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    /// Whether `signature` (r ‖ s, 64 bytes, low s) signs `prehash`. High-s signatures are refused, as the chain does.
    #[must_use]
    pub fn verify_prehash(&self, prehash: &[u8; 32], signature: &[u8]) -> bool {
        use k256::ecdsa::signature::hazmat::PrehashVerifier;
        let Ok(key) = k256::ecdsa::VerifyingKey::from_sec1_bytes(&self.0) else { return false };
        let Ok(signature) = k256::ecdsa::Signature::from_slice(signature) else { return false };
        signature.normalize_s() == signature && key.verify_prehash(prehash, &signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
