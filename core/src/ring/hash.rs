//! The three hashes of the scheme.

use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::point::DecompressPoint;
use k256::elliptic_curve::subtle::Choice;
use k256::{AffinePoint, Scalar, WideBytes};
use sha3::{Digest, Sha3_256, Sha3_512};

/// How many digests [`hash_to_curve`] tries. Half of all digests are an x of the curve.
const ATTEMPTS: usize = 128;

/// A point in its compressed form: 33 bytes.
pub(crate) type Compressed = [u8; 33];

/// SHA3-512 modulo the group order, then moved to the *left*: the network writes the number without leading zero bytes into
/// the front of the 32 bytes. One input in 256 has such a zero byte, and is multiplied by 256 by this.
///
/// `None` when the moved number is not below the order, which no known input reaches; the network has no answer for it.
pub(crate) fn hash_to_scalar(input: &[u8]) -> Option<Scalar> {
    let digest: [u8; 64] = Sha3_512::digest(input).into();
    let reduced = <Scalar as Reduce<WideBytes>>::reduce(&digest.into());
    let mut bytes = reduced.to_bytes();
    if bytes[0] != 0 {
        return Some(reduced);
    }
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.rotate_left(zeros % 32);
    Option::from(Scalar::from_repr(bytes))
}

/// The point with even y whose x is the first digest that lies on the curve. Each digest is the hash of the one before.
///
/// `None` if none of 128 digests does: probability 2⁻¹²⁸.
pub(crate) fn hash_to_curve(key: &Compressed) -> Option<AffinePoint> {
    let mut digest = Sha3_256::digest(key);
    for _ in 0..ATTEMPTS {
        if let Some(point) = Option::from(AffinePoint::decompress(&digest, Choice::from(0))) {
            return Some(point);
        }
        digest = Sha3_256::digest(digest);
    }
    None
}

/// The challenge that follows a member: a hash of the message and its two commitments. Neither the ring nor the key image is in it.
pub(crate) fn challenge(message: &[u8; 32], left: &Compressed, right: &Compressed) -> Option<Scalar> {
    let mut input = [0; 98];
    input[..32].copy_from_slice(message);
    input[32..65].copy_from_slice(left);
    input[65..].copy_from_slice(right);
    hash_to_scalar(&input)
}
