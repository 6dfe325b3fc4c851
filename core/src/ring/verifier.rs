//! Checks the equations of a signature.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use k256::AffinePoint;

use super::commitments::{Base, Bases};
use super::hash::{challenge, hash_to_curve};
use super::sightings::Sightings;
use super::tables::{Prepared, Role, Tables};
use super::{RingSignature, RingSignatureError};

/// Verifies ring signatures. Shared by all threads.
///
/// It keeps precomputed tables of the points of rings that verified twice, which makes further verifications several times
/// faster. Signatures that do not verify leave no trace, so that nobody can push out tables without a member's key.
pub struct Verifier {
    /// `None` never happens: the generator is not the identity.
    generator: Option<Prepared>,
    tables: Tables,
    sightings: Sightings,
    verifications: AtomicU64,
}

impl Verifier {
    /// A verifier that keeps at most `max_bytes` of tables: about 200 KiB for an application with one gateway, 80 KiB for
    /// each further member and 40 KiB for each further signer. Members that several rings share count once.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self {
            generator: Prepared::new(&AffinePoint::GENERATOR),
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
        let mut all_prepared = true;
        let valid = self.closes(message, signature, now, &mut all_prepared).unwrap_or(false);
        if valid && !all_prepared && self.sightings.again((&signature.key_image, &signature.members), now) {
            self.prepare(signature, now);
        }
        valid
    }

    /// Follows the challenges around the ring; `None` where a hash is outside its domain or a commitment is the identity.
    fn closes(&self, message: &[u8; 32], signature: &RingSignature, now: u64, all_prepared: &mut bool) -> Option<bool> {
        let generator = Base::Prepared(self.generator.as_ref()?);
        let image = self.tables.get(Role::KeyImage, &signature.key_image, now);
        let image = image.as_deref().map_or(Base::Bare(signature.key_image_point), Base::Prepared);
        *all_prepared &= image.is_prepared();
        let mut current = signature.first_challenge;
        for ((member, point), response) in signature.members.iter().zip(&signature.points).zip(&signature.responses) {
            let name = member.as_bytes();
            let member = self.tables.get(Role::Member, name, now);
            let member = member.as_deref().map_or(Base::Bare(*point), Base::Prepared);
            let hash = self.tables.get(Role::MemberHash, name, now);
            let hash = match hash.as_deref() {
                Some(prepared) => Base::Prepared(prepared),
                None => Base::Bare(hash_to_curve(name)?),
            };
            *all_prepared &= member.is_prepared() && hash.is_prepared();
            let (left, right) = Bases { generator, member, hash, image }.commitments(response, &current)?;
            current = challenge(message, &left, &right)?;
        }
        Some(current == signature.first_challenge)
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

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("table_bytes", &self.table_bytes()).finish_non_exhaustive()
    }
}
