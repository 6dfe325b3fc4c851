//! The two points of a member's equations: L = s·G + c·P and R = s·H(P) + c·I.

use k256::elliptic_curve::BatchNormalize;
use k256::elliptic_curve::group::{Group, GroupEncoding};
use k256::elliptic_curve::ops::LinearCombination;
use k256::{AffinePoint, ProjectivePoint, Scalar};

use super::comb::{Small, combine};
use super::curve::Accumulator;
use super::digits::Digits;
use super::hash::Compressed;
use super::tables::Prepared;

/// A point that scalars are to multiply.
pub(super) enum Base<'a> {
    /// With tables that were computed before.
    Prepared(&'a Prepared),
    /// With a small table, computed just now.
    Fresh(AffinePoint, Small),
}

impl<'a> Base<'a> {
    /// The prepared point, else the other one with a small table.
    pub(super) fn new(prepared: Option<&'a Prepared>, otherwise: impl FnOnce() -> Option<AffinePoint>) -> Option<Self> {
        if let Some(prepared) = prepared {
            return Some(Self::Prepared(prepared));
        }
        let point = otherwise()?;
        Small::new(&point).map(|table| Self::Fresh(point, table))
    }

    pub(super) fn is_prepared(&self) -> bool {
        matches!(self, Self::Prepared(_))
    }

    fn point(&self) -> ProjectivePoint {
        match self {
            Self::Prepared(prepared) => prepared.point.into(),
            Self::Fresh(point, _) => (*point).into(),
        }
    }

    fn small(&self) -> &Small {
        match self {
            Self::Prepared(prepared) => &prepared.small,
            Self::Fresh(_, table) => table,
        }
    }
}

/// The four points of a member's equations.
pub(super) struct Bases<'a> {
    pub(super) generator: &'a Base<'a>,
    pub(super) member: &'a Base<'a>,
    pub(super) hash: &'a Base<'a>,
    pub(super) image: &'a Base<'a>,
}

impl Bases<'_> {
    /// L and R, compressed. `None` if one is the identity, which no signer arrives at who draws nonces at random.
    pub(super) fn commitments(&self, response: &Scalar, challenge: &Scalar) -> Option<(Compressed, Compressed)> {
        let left = sum((self.generator, response), (self.member, challenge));
        let right = sum((self.hash, response), (self.image, challenge));
        // Sums that the short formulas cannot compute are rare, or made on purpose, and wrong in neither case.
        Accumulator::compress_pair(&left, &right).or_else(|| self.complete(response, challenge))
    }

    /// The same with formulas that are complete.
    fn complete(&self, response: &Scalar, challenge: &Scalar) -> Option<(Compressed, Compressed)> {
        let sum = |first: &Base<'_>, second: &Base<'_>| {
            ProjectivePoint::lincomb_vartime(&[(first.point(), *response), (second.point(), *challenge)])
        };
        let (left, right) = (sum(self.generator, self.member), sum(self.hash, self.image));
        if bool::from(left.is_identity() | right.is_identity()) {
            return None;
        }
        let [left, right] = ProjectivePoint::batch_normalize_vartime(&[left, right]);
        Some((left.to_bytes().into(), right.to_bytes().into()))
    }
}

/// Both bases times their scalars, from large tables if both have them.
fn sum(first: (&Base<'_>, &Scalar), second: (&Base<'_>, &Scalar)) -> Accumulator {
    match (first.0, second.0) {
        (Base::Prepared(one), Base::Prepared(other)) => {
            combine((&one.large, &Digits::new(first.1)), (&other.large, &Digits::new(second.1)))
        }
        (one, other) => combine((one.small(), &Digits::new(first.1)), (other.small(), &Digits::new(second.1))),
    }
}
