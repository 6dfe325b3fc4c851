//! The signature as it travels: u32 n ‖ first challenge 32 ‖ key image 33 ‖ n × (response 32 ‖ member 33).

use k256::elliptic_curve::PrimeField;
use k256::{AffinePoint, Scalar};

use crate::address::PublicKey;

use super::hash::Compressed;
use super::placeholder;
use super::tables::Role;

const COUNT: usize = 4;
const SCALAR: usize = 32;
const POINT: usize = 33;
const HEAD: usize = COUNT + SCALAR + POINT;
const MEMBER: usize = SCALAR + POINT;

/// A decoded ring signature: well formed, not yet verified.
///
/// Its bytes are no identity: rotating the members and replacing the first challenge gives other bytes for the same signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingSignature {
    pub(crate) first_challenge: Scalar,
    pub(crate) key_image: Compressed,
    pub(crate) key_image_point: AffinePoint,
    pub(crate) responses: Vec<Scalar>,
    pub(crate) members: Vec<PublicKey>,
    pub(crate) points: Vec<AffinePoint>,
}

/// Why bytes are not a ring signature that we accept. All are mistakes of the gateway that signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingSignatureError {
    /// Shorter than the part before the members.
    #[error("a ring signature has at least 134 bytes, this one has {length}")]
    TooShort {
        /// Bytes given.
        length: usize,
    },
    /// A ring of nobody.
    #[error("the ring signature has no members")]
    NoMembers,
    /// More members than the caller allows.
    #[error("the ring has {members} members, at most {max_members} are accepted here")]
    TooManyMembers {
        /// The count in the first four bytes.
        members: u32,
        /// The limit.
        max_members: usize,
    },
    /// Missing or trailing bytes.
    #[error("a ring signature of {members} members has {expected} bytes, this one has {length}")]
    Length {
        /// The count in the first four bytes.
        members: usize,
        /// 69 + 65 × members.
        expected: usize,
        /// Bytes given.
        length: usize,
    },
    /// The first challenge or a response is not below the group order: a second spelling of another signature.
    #[error("the scalar at byte {offset} is not below the group order")]
    Scalar {
        /// Where it starts.
        offset: usize,
    },
    /// The key image or a member is not a compressed point of the curve.
    #[error("the point at byte {offset} is not a compressed point of secp256k1")]
    Point {
        /// Where it starts.
        offset: usize,
    },
    /// Signed with the placeholder's private key, which everybody can compute: it proves nothing about the application.
    #[error("signed with the publicly known placeholder key; sign with the application's or a gateway's key")]
    PlaceholderKeyImage,
}

impl RingSignature {
    /// Parses exactly one signature of 1 to `max_members` members. Nothing is decompressed before the sizes are checked.
    pub fn decode(bytes: &[u8], max_members: usize) -> Result<Self, RingSignatureError> {
        Self::decode_knowing(bytes, max_members, |_, _| None)
    }

    /// The same, without decompressing the points that `known` supplies.
    pub(super) fn decode_knowing(
        bytes: &[u8],
        max_members: usize,
        known: impl Fn(Role, &Compressed) -> Option<AffinePoint>,
    ) -> Result<Self, RingSignatureError> {
        let members = member_count(bytes, max_members)?;
        let key_image = array_at::<POINT>(bytes, COUNT + SCALAR)?;
        if key_image == placeholder::KEY_IMAGE {
            return Err(RingSignatureError::PlaceholderKeyImage);
        }
        let key_image_point = match known(Role::KeyImage, &key_image) {
            Some(point) => point,
            None => point_at(bytes, COUNT + SCALAR)?.1,
        };
        let mut signature = Self {
            first_challenge: scalar_at(bytes, COUNT)?,
            key_image,
            key_image_point,
            responses: Vec::with_capacity(members),
            members: Vec::with_capacity(members),
            points: Vec::with_capacity(members),
        };
        for offset in (0..members).map(|index| HEAD + index * MEMBER) {
            signature.responses.push(scalar_at(bytes, offset)?);
            let compressed = array_at::<POINT>(bytes, offset + SCALAR)?;
            let (member, point) = match known(Role::Member, &compressed) {
                Some(point) => (PublicKey::from_known_point(compressed), point),
                None => point_at(bytes, offset + SCALAR)?,
            };
            signature.members.push(member);
            signature.points.push(point);
        }
        Ok(signature)
    }

    /// The bytes that [`decode`](Self::decode) reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.members.len() * MEMBER);
        // Decoding and signing both keep the count within u32.
        bytes.extend_from_slice(&u32::try_from(self.members.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(&self.first_challenge.to_bytes());
        bytes.extend_from_slice(&self.key_image);
        for (response, member) in self.responses.iter().zip(&self.members) {
            bytes.extend_from_slice(&response.to_bytes());
            bytes.extend_from_slice(member.as_bytes());
        }
        bytes
    }

    /// The ring, in its order; the same key may occur several times.
    #[must_use]
    pub fn members(&self) -> &[PublicKey] {
        &self.members
    }

    /// The compressed key image: equal for all signatures of one private key, whatever the ring.
    #[must_use]
    pub fn key_image(&self) -> &[u8; 33] {
        &self.key_image
    }
}

fn member_count(bytes: &[u8], max_members: usize) -> Result<usize, RingSignatureError> {
    let length = bytes.len();
    let count = bytes.first_chunk::<COUNT>().ok_or(RingSignatureError::TooShort { length })?;
    let members = u32::from_be_bytes(*count);
    if members == 0 {
        return Err(RingSignatureError::NoMembers);
    }
    let too_many = RingSignatureError::TooManyMembers { members, max_members };
    let members = usize::try_from(members).ok().filter(|members| *members <= max_members).ok_or(too_many)?;
    let expected = members.saturating_mul(MEMBER).saturating_add(HEAD);
    if length == expected { Ok(members) } else { Err(RingSignatureError::Length { members, expected, length }) }
}

fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], RingSignatureError> {
    let rest = bytes.get(offset..).and_then(<[u8]>::first_chunk);
    rest.copied().ok_or(RingSignatureError::TooShort { length: bytes.len() })
}

fn scalar_at(bytes: &[u8], offset: usize) -> Result<Scalar, RingSignatureError> {
    let repr = array_at::<SCALAR>(bytes, offset)?;
    Option::from(Scalar::from_repr(repr.into())).ok_or(RingSignatureError::Scalar { offset })
}

fn point_at(bytes: &[u8], offset: usize) -> Result<(PublicKey, AffinePoint), RingSignatureError> {
    let compressed = array_at::<POINT>(bytes, offset)?;
    PublicKey::decompress(&compressed).map_err(|_| RingSignatureError::Point { offset })
}
