//! Signing as a member of a ring. Used by our own test gateway; a relayer only verifies.

use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::group::GroupEncoding;
use k256::elliptic_curve::ops::{LinearCombination, Reduce};
use k256::{AffinePoint, ProjectivePoint, Scalar, WideBytes};
use rand::CryptoRng;
use zeroize::Zeroizing;

use crate::address::{PublicKey, SecretKey};

use super::RingSignature;
use super::hash::{challenge, hash_to_curve};

/// Why a message could not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RingSignError {
    /// A ring of one names the signer.
    #[error("a ring has at least two members; repeat the application's key if it has no gateway")]
    TooFewMembers,
    /// More than the count field can hold.
    #[error("a ring has fewer than 2^32 members")]
    TooManyMembers,
    /// The private key belongs to no member.
    #[error("the signing key belongs to no member of the ring; add its public key")]
    NotAMember,
    /// A member's bytes are not a point.
    #[error("a ring member is not a point of secp256k1")]
    Point,
    /// The random source gave a zero, which would reveal that its owner signed.
    #[error("the random source gave a zero nonce; check it before signing anything else")]
    ZeroNonce,
    /// A hash outside the domain of the scheme, with probability below 2⁻¹²⁰; sign again.
    #[error("a hash of this signature is outside the scheme's domain; sign again")]
    Hash,
}

/// Signs `message` as the member of `ring` whose private key is `key`. Each call gives other bytes.
pub fn sign(
    message: &[u8; 32],
    ring: &[PublicKey],
    key: &SecretKey,
    random: &mut impl CryptoRng,
) -> Result<RingSignature, RingSignError> {
    sign_with_nonces(message, ring, key, || {
        let mut wide = Zeroizing::new([0; 64]);
        random.fill_bytes(wide.as_mut());
        <Scalar as Reduce<WideBytes>>::reduce(&(*wide).into())
    })
}

/// Signs with nonces drawn from `next`: the commitment first, then the response of each other member, from the one after
/// the signer around the ring. Known nonces give the private key away, so only tests choose them.
pub(super) fn sign_with_nonces(
    message: &[u8; 32],
    ring: &[PublicKey],
    key: &SecretKey,
    mut next: impl FnMut() -> Scalar,
) -> Result<RingSignature, RingSignError> {
    if ring.len() < 2 {
        return Err(RingSignError::TooFewMembers);
    }
    u32::try_from(ring.len()).map_err(|_| RingSignError::TooManyMembers)?;
    let signer = ring.iter().position(|member| member == key.public_key()).ok_or(RingSignError::NotAMember)?;
    let points = ring.iter().map(point).collect::<Result<Vec<_>, _>>()?;

    let own_hash = hash_to_curve(ring[signer].as_bytes()).ok_or(RingSignError::Hash)?;
    let key_image = ProjectivePoint::from(own_hash) * **key.scalar();
    let nonce = Zeroizing::new(next());
    if bool::from(nonce.is_zero()) {
        return Err(RingSignError::ZeroNonce);
    }

    let mut responses = vec![Scalar::ZERO; ring.len()];
    let mut challenges = vec![Scalar::ZERO; ring.len()];
    let mut left = ProjectivePoint::mul_by_generator(&nonce);
    let mut right = ProjectivePoint::from(own_hash) * *nonce;
    for step in 1..ring.len() {
        let index = (signer + step) % ring.len();
        challenges[index] = next_challenge(message, left, right)?;
        responses[index] = next();
        let member_hash = hash_to_curve(ring[index].as_bytes()).ok_or(RingSignError::Hash)?;
        let (response, challenge) = (responses[index], challenges[index]);
        left = combine(ProjectivePoint::GENERATOR, response, points[index].into(), challenge);
        right = combine(member_hash.into(), response, key_image, challenge);
    }
    challenges[signer] = next_challenge(message, left, right)?;
    responses[signer] = *nonce - challenges[signer] * **key.scalar();

    let key_image_point = key_image.to_affine();
    Ok(RingSignature {
        first_challenge: challenges[0],
        key_image: key_image_point.to_bytes().into(),
        key_image_point,
        responses,
        members: ring.to_vec(),
        points,
    })
}

fn point(member: &PublicKey) -> Result<AffinePoint, RingSignError> {
    PublicKey::decompress(member.as_bytes()).map(|(_, point)| point).map_err(|_| RingSignError::Point)
}

fn combine(base: ProjectivePoint, response: Scalar, member: ProjectivePoint, challenge: Scalar) -> ProjectivePoint {
    ProjectivePoint::lincomb_vartime(&[(base, response), (member, challenge)])
}

fn next_challenge(message: &[u8; 32], left: ProjectivePoint, right: ProjectivePoint) -> Result<Scalar, RingSignError> {
    let [left, right] = ProjectivePoint::batch_normalize_vartime(&[left, right]);
    challenge(message, &left.to_bytes().into(), &right.to_bytes().into()).ok_or(RingSignError::Hash)
}
