//! The two points of a member's equations: L = s·G + c·P and R = s·H(P) + c·I.

use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::group::{Group, GroupEncoding};
use k256::elliptic_curve::ops::LinearCombination;
use k256::{AffinePoint, ProjectivePoint, Scalar};

use super::comb::combine;
use super::curve::Accumulator;
use super::digits::Digits;
use super::hash::Compressed;
use super::tables::Prepared;

/// A point that a scalar is to multiply.
#[derive(Clone, Copy)]
pub(super) enum Base<'a> {
    /// With its table.
    Prepared(&'a Prepared),
    /// Alone.
    Bare(AffinePoint),
}

impl Base<'_> {
    pub(super) fn is_prepared(self) -> bool {
        matches!(self, Self::Prepared(_))
    }

    fn point(self) -> ProjectivePoint {
        match self {
            Self::Prepared(prepared) => prepared.point.into(),
            Self::Bare(point) => point.into(),
        }
    }
}

/// The four points of a member's equations.
pub(super) struct Bases<'a> {
    pub(super) generator: Base<'a>,
    pub(super) member: Base<'a>,
    pub(super) hash: Base<'a>,
    pub(super) image: Base<'a>,
}

impl Bases<'_> {
    /// L and R, compressed. `None` if one is the identity, which no signer arrives at who draws nonces at random.
    pub(super) fn commitments(&self, response: &Scalar, challenge: &Scalar) -> Option<(Compressed, Compressed)> {
        let scalars = (response, challenge);
        let left = from_tables(self.generator, self.member, scalars);
        let right = from_tables(self.hash, self.image, scalars);
        if let (Some(left), Some(right)) = (&left, &right)
            && let Some(pair) = Accumulator::compress_pair(left, right)
        {
            return Some(pair);
        }
        // Sums that the tables cannot compute are rare, or made on purpose; either way they are computed here.
        let left = left.and_then(|left| left.compress()).or_else(|| complete(self.generator, self.member, scalars))?;
        let right = right.and_then(|right| right.compress()).or_else(|| complete(self.hash, self.image, scalars))?;
        Some((left, right))
    }
}

/// The sum of both points times their scalars, if both have tables.
fn from_tables(first: Base<'_>, second: Base<'_>, scalars: (&Scalar, &Scalar)) -> Option<Accumulator> {
    let (Base::Prepared(first), Base::Prepared(second)) = (first, second) else { return None };
    Some(combine((&first.table, &Digits::new(scalars.0)), (&second.table, &Digits::new(scalars.1))))
}

/// The same without tables, for all points.
fn complete(first: Base<'_>, second: Base<'_>, scalars: (&Scalar, &Scalar)) -> Option<Compressed> {
    let sum = ProjectivePoint::lincomb_vartime(&[(first.point(), *scalars.0), (second.point(), *scalars.1)]);
    if bool::from(sum.is_identity()) {
        return None;
    }
    let [sum] = ProjectivePoint::batch_normalize_vartime(&[sum]);
    Some(sum.to_bytes().into())
}
