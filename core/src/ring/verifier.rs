//! Checks the equations of a signature.

use k256::ProjectivePoint;
use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::group::{Group, GroupEncoding};
use k256::elliptic_curve::ops::LinearCombination;

use super::RingSignature;
use super::hash::{challenge, hash_to_curve};

/// Verifies ring signatures. Shared by all threads.
#[derive(Debug)]
pub struct Verifier {
    max_bytes: usize,
}

impl Verifier {
    /// A verifier that keeps at most `max_bytes` of tables.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { max_bytes }
    }

    /// The bound on the memory of its tables, in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Whether the holder of one of the members' private keys signed `message`. Says nothing about who the members are.
    #[must_use]
    pub fn verify(&self, message: &[u8; 32], signature: &RingSignature) -> bool {
        closes(message, signature).unwrap_or(false)
    }
}

fn closes(message: &[u8; 32], signature: &RingSignature) -> Option<bool> {
    let image = ProjectivePoint::from(signature.key_image_point);
    let mut current = signature.first_challenge;
    for ((member, point), response) in signature.members.iter().zip(&signature.points).zip(&signature.responses) {
        let hash = ProjectivePoint::from(hash_to_curve(member.as_bytes())?);
        let left = ProjectivePoint::lincomb_vartime(&[
            (ProjectivePoint::GENERATOR, *response),
            (ProjectivePoint::from(*point), current),
        ]);
        let right = ProjectivePoint::lincomb_vartime(&[(hash, *response), (image, current)]);
        if bool::from(left.is_identity() | right.is_identity()) {
            return None;
        }
        let [left, right] = ProjectivePoint::batch_normalize_vartime(&[left, right]);
        current = challenge(message, &left.to_bytes().into(), &right.to_bytes().into())?;
    }
    Some(current == signature.first_challenge)
}
