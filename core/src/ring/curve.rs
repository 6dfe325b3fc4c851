//! Point addition for the verifier's tables: fewer field operations than complete formulas, for public values only.
//!
//! k256 offers additions that take the same time for every input, at 11 multiplications and as many reductions each. Here all
//! inputs are public and nearly all are distinct table entries, so the shorter formulas of the "XYZZ" representation do: 8
//! multiplications and 2 squarings. They have no answer where both inputs have the same x; the accumulator then becomes, and
//! stays, zero, [`Accumulator::compress_pair`] gives `None`, and the caller computes that equation with k256 instead.
//!
//! Field elements of k256 are lazily reduced: each carries a bound (*magnitude*, at most 8 for a factor) that debug builds
//! check. Here x has at most 5, y at most 3, everything else 1.

// The letters are those of the published formulas; k256 inlines only multiplications by a reference.
#![allow(clippy::many_single_char_names, clippy::op_ref)]

use std::sync::LazyLock;

use k256::elliptic_curve::hazmat::FieldArithmetic;
use k256::elliptic_curve::point::AffineCoordinates;
use k256::elliptic_curve::subtle::{Choice, ConditionallySelectable};
use k256::{AffinePoint, FieldBytes, Secp256k1};

use super::hash::Compressed;

type Field = <Secp256k1 as FieldArithmetic>::FieldElement;

/// The third root of unity that multiplies x when a point is multiplied by λ.
static BETA: LazyLock<Field> = LazyLock::new(|| {
    field(&FieldBytes::from([
        0x7a, 0xe9, 0x6a, 0x2b, 0x65, 0x7c, 0x07, 0x10, 0x6e, 0x64, 0x47, 0x9e, 0xac, 0x34, 0x34, 0xe9, 0x9c, 0xf0,
        0x49, 0x75, 0x12, 0xf5, 0x89, 0x95, 0xc1, 0x39, 0x6c, 0x28, 0x71, 0x95, 0x01, 0xee,
    ]))
});

/// The number that a coordinate stands for; every coordinate of a point is below the modulus.
fn field(bytes: &FieldBytes) -> Field {
    Option::from(Field::from_bytes(bytes)).unwrap_or(Field::ZERO)
}

/// A point that is not the identity.
#[derive(Clone, Copy)]
pub(super) struct Point {
    x: Field,
    y: Field,
}

impl Point {
    /// The same point, which must not be the identity.
    pub(super) fn new(point: &AffinePoint) -> Self {
        Self { x: field(&point.x()), y: field(&point.y()) }
    }

    /// The negated point if asked for.
    pub(super) fn negate_if(self, negate: bool) -> Self {
        let y = Field::conditional_select(&self.y, &self.y.negate(1), Choice::from(u8::from(negate)));
        Self { x: self.x, y }
    }

    /// The compressed form of a point whose y is normalised.
    fn compress(&self) -> Compressed {
        let mut compressed = [0; 33];
        compressed[0] = 2 | self.y.is_odd().unwrap_u8();
        compressed[1..].copy_from_slice(&self.x.to_bytes());
        compressed
    }

    /// λ times the point, for one multiplication.
    pub(super) fn times_lambda(self, beta: &Field) -> Self {
        Self { x: self.x * beta, y: self.y }
    }
}

/// The factor for [`Point::times_lambda`].
pub(super) fn beta() -> &'static Field {
    &BETA
}

/// A running sum: x = X / ZZ, y = Y / ZZZ, with ZZ³ = ZZZ².
#[derive(Clone, Copy)]
pub(super) struct Accumulator {
    x: Field,
    y: Field,
    zz: Field,
    zzz: Field,
}

impl Accumulator {
    /// The sum of one point.
    pub(super) fn new(first: Point) -> Self {
        Self { x: first.x, y: first.y, zz: Field::ONE, zzz: Field::ONE }
    }

    /// Adds a point whose x must differ from the sum's.
    pub(super) fn add(&mut self, other: &Point) {
        let p = other.x * &self.zz + &self.x.negate(5);
        let r = other.y * &self.zzz + &self.y.negate(3);
        let pp = p.square();
        let ppp = p * &pp;
        let q = self.x * &pp;
        let x = r.square() + (ppp + q.double()).negate(3);
        self.y = r * &(q + x.negate(5)) + (self.y * &ppp).negate(1);
        self.x = x;
        self.zz *= &pp;
        self.zzz *= &ppp;
    }

    /// Doubles the sum.
    pub(super) fn double(&mut self) {
        let u = self.y.double();
        let v = u.square();
        let w = u * &v;
        let s = self.x * &v;
        let m = self.x.square().mul_single(3);
        let x = m.square() + s.double().negate(2);
        self.y = m * &(s + x.negate(4)) + (w * &self.y).negate(1);
        self.x = x;
        self.zz = v * &self.zz;
        self.zzz = w * &self.zzz;
    }

    /// Both sums in compressed form, for one inversion. `None` if either is the identity, or met one on the way.
    pub(super) fn compress_pair(left: &Self, right: &Self) -> Option<(Compressed, Compressed)> {
        let inverse: Field = Option::from((left.zzz * &right.zzz).invert_vartime())?;
        let left_inverse = inverse * &right.zzz;
        let right_inverse = inverse * &left.zzz;
        Some((left.to_point(&left_inverse).compress(), right.to_point(&right_inverse).compress()))
    }

    /// The sum in compressed form. `None` like that of [`compress_pair`](Self::compress_pair).
    pub(super) fn compress(&self) -> Option<Compressed> {
        let inverse: Field = Option::from(self.zzz.invert_vartime())?;
        Some(self.to_point(&inverse).compress())
    }

    /// The sum as a point, given 1 / ZZZ.
    fn to_point(self, zzz_inverse: &Field) -> Point {
        let z_inverse = self.zz * zzz_inverse;
        Point { x: (self.x * &z_inverse.square()).normalize(), y: (self.y * zzz_inverse).normalize() }
    }
}

/// All sums as points, for one inversion. `None` if one of them is the identity, or met one on the way.
pub(super) fn to_points(sums: &[Accumulator]) -> Option<Vec<Point>> {
    let mut product = Field::ONE;
    let mut products_before = Vec::with_capacity(sums.len());
    for sum in sums {
        products_before.push(product);
        product *= &sum.zzz;
    }
    let mut inverse: Field = Option::from(product.invert_vartime())?;
    let mut points = Vec::with_capacity(sums.len());
    for (sum, before) in sums.iter().zip(products_before).rev() {
        points.push(sum.to_point(&(inverse * &before)));
        inverse *= &sum.zzz;
    }
    points.reverse();
    Some(points)
}
