//! Checks the equations of a signature.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::group::{Group, GroupEncoding};
use k256::elliptic_curve::ops::LinearCombination;
use k256::{AffinePoint, ProjectivePoint, Scalar};

use super::comb::{Table, combine};
use super::curve::Accumulator;
use super::digits::Digits;
use super::hash::{Compressed, challenge, hash_to_curve};
use super::sightings::Sightings;
use super::tables::{Prepared, Role, Tables};
use super::{RingSignature, RingSignatureError};

/// Verifies ring signatures. Shared by all threads.
///
/// It keeps precomputed tables of the points of rings that verified twice, which makes further verifications several times
/// faster. Signatures that do not verify leave no trace, so that nobody can push out tables without a member's key.
pub struct Verifier {
    /// `None` never happens; the generator is not the identity.
    generator: Option<Table>,
    tables: Tables,
    sightings: Sightings,
    verifications: AtomicU64,
}

/// L and R of a member, compressed.
type Commitments = (Compressed, Compressed);

/// What a member contributes to its equations.
struct Step<'a> {
    member: &'a Compressed,
    point: &'a AffinePoint,
    response: &'a Scalar,
    challenge: &'a Scalar,
}

impl Verifier {
    /// A verifier that keeps at most `max_bytes` of tables: about 200 KiB for an application with one gateway, 80 KiB for
    /// each further member and 40 KiB for each further signer. Members that several rings share count once.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            generator: Table::new(&AffinePoint::GENERATOR),
            tables: Tables::new(max_bytes),
            sightings: Sightings::new(),
            verifications: AtomicU64::new(0),
        }
    }

    /// The memory that its tables take now, in bytes.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.tables.bytes()
    }

    /// Decodes like [`RingSignature::decode`], without decompressing points whose tables it has.
    pub fn decode(&self, bytes: &[u8], max_members: usize) -> Result<RingSignature, RingSignatureError> {
        RingSignature::decode_knowing(bytes, max_members, |role, name| self.tables.point(role, name))
    }

    /// Whether the holder of one of the members' private keys signed `message`. Says nothing about who the members are.
    #[must_use]
    pub fn verify(&self, message: &[u8; 32], signature: &RingSignature) -> bool {
        let now = self.verifications.fetch_add(1, Ordering::Relaxed);
        let mut warm = true;
        let valid = self.closes(message, signature, now, &mut warm).unwrap_or(false);
        if valid && !warm && self.sightings.again((&signature.key_image, &signature.members), now) {
            self.prepare(signature, now);
        }
        valid
    }

    /// Follows the challenges around the ring; `None` where a hash is outside its domain or a commitment is the identity.
    fn closes(&self, message: &[u8; 32], signature: &RingSignature, now: u64, warm: &mut bool) -> Option<bool> {
        let image = self.tables.get(Role::KeyImage, &signature.key_image, now);
        let mut current = signature.first_challenge;
        for ((member, point), response) in signature.members.iter().zip(&signature.points).zip(&signature.responses) {
            let step = Step { member: member.as_bytes(), point, response, challenge: &current };
            let fast = image.as_deref().and_then(|image| self.commit_with_tables(&step, image, now, warm));
            *warm &= image.is_some();
            let (left, right) = match fast {
                Some(commitments) => commitments,
                None => commit(&step, &signature.key_image_point)?,
            };
            current = challenge(message, &left, &right)?;
        }
        Some(current == signature.first_challenge)
    }

    /// L = s·G + c·P and R = s·H(P) + c·I from tables. `None` if one is missing, or in the rare sums it cannot compute.
    fn commit_with_tables(&self, step: &Step<'_>, image: &Prepared, now: u64, warm: &mut bool) -> Option<Commitments> {
        let member = self.tables.get(Role::Member, step.member, now);
        let hash = self.tables.get(Role::MemberHash, step.member, now);
        let (Some(member), Some(hash), Some(generator)) = (member, hash, &self.generator) else {
            *warm = false;
            return None;
        };
        let (response, challenge) = (Digits::new(step.response), Digits::new(step.challenge));
        let left = combine((generator, &response), (&member.table, &challenge));
        let right = combine((&hash.table, &response), (&image.table, &challenge));
        Accumulator::compress_pair(&left, &right)
    }

    fn prepare(&self, signature: &RingSignature, now: u64) {
        let mut points = vec![(Role::KeyImage, signature.key_image, signature.key_image_point)];
        for (member, point) in signature.members.iter().zip(&signature.points) {
            let name = *member.as_bytes();
            if points.iter().any(|(role, known, _)| *role == Role::Member && *known == name) {
                continue;
            }
            let Some(hash) = hash_to_curve(&name) else { return };
            points.extend([(Role::Member, name, *point), (Role::MemberHash, name, hash)]);
        }
        self.tables.build(&points, now);
    }
}

/// The same without tables, complete for all inputs.
fn commit(step: &Step<'_>, image: &AffinePoint) -> Option<Commitments> {
    let hash = hash_to_curve(step.member)?;
    let combine = |first: AffinePoint, second: AffinePoint| {
        ProjectivePoint::lincomb_vartime(&[(first.into(), *step.response), (second.into(), *step.challenge)])
    };
    let left = combine(AffinePoint::GENERATOR, *step.point);
    let right = combine(hash, *image);
    if bool::from(left.is_identity() | right.is_identity()) {
        return None;
    }
    let [left, right] = ProjectivePoint::batch_normalize_vartime(&[left, right]);
    Some((left.to_bytes().into(), right.to_bytes().into()))
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("table_bytes", &self.table_bytes()).finish_non_exhaustive()
    }
}
