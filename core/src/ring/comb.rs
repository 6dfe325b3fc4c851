//! Precomputed multiples of one point.
//!
//! With Dⱼ = 2^(13·j) · P, the table of P holds D₉ ± D₈ ± … ± D₀ for all signs: 512 points, 40 KiB. A scalar then costs 26
//! additions, and both scalars of an equation share 12 doublings.

use k256::elliptic_curve::BatchNormalize;
use k256::{AffinePoint, ProjectivePoint};

use super::curve::{Accumulator, Point, beta};
use super::digits::{Digits, ROWS, TEETH};

const TOP: u16 = 1 << (TEETH - 1);
const ENTRIES: usize = 1 << (TEETH - 1);

const _: () = assert!(Table::BYTES <= 64 << 10, "a table has to share the second-level cache with others");

/// The multiples of one point that a scalar multiplication needs.
pub(super) struct Table(Box<[Point]>);

impl Table {
    /// Size of a table in memory.
    pub(super) const BYTES: usize = ENTRIES * size_of::<Point>();

    /// Computes the table of a point, about as much work as three verifications. `None` for the identity, which has none.
    pub(super) fn new(point: &AffinePoint) -> Option<Self> {
        if bool::from(k256::elliptic_curve::group::CurveAffine::is_identity(point)) {
            return None;
        }
        let teeth = teeth(point);
        let mut lowest = teeth[TEETH - 1];
        for tooth in &teeth[..TEETH - 1] {
            lowest -= tooth;
        }
        let mut entries = Vec::with_capacity(ENTRIES);
        entries.push(lowest);
        for tooth in &teeth[..TEETH - 1] {
            let step = tooth.double().to_affine();
            for index in 0..entries.len() {
                entries.push(entries[index] + step);
            }
        }
        let entries = ProjectivePoint::batch_normalize_vartime(entries.as_slice());
        Some(Self(entries.iter().map(Point::new).collect()))
    }

    fn entry(&self, index: u16) -> Point {
        let negate = index & TOP == 0;
        let index = if negate { !index } else { index } & (TOP - 1);
        // The mask keeps the index within the table.
        self.0[usize::from(index)].negate_if(negate)
    }
}

/// Dⱼ for each tooth j.
fn teeth(point: &AffinePoint) -> [ProjectivePoint; TEETH] {
    let mut current = ProjectivePoint::from(*point);
    std::array::from_fn(|_| {
        let tooth = current;
        for _ in 0..ROWS {
            current = current.double();
        }
        tooth
    })
}

/// The sum of two points, each times its scalar.
pub(super) fn combine(first: (&Table, &Digits), second: (&Table, &Digits)) -> Accumulator {
    let beta = beta();
    let mut sum = Accumulator::new(first.0.entry(first.1.plain[ROWS - 1]));
    for row in (0..ROWS).rev() {
        if row != ROWS - 1 {
            sum.double();
            sum.add(&first.0.entry(first.1.plain[row]));
        }
        sum.add(&second.0.entry(second.1.plain[row]));
        sum.add(&first.0.entry(first.1.lambda[row]).times_lambda(beta));
        sum.add(&second.0.entry(second.1.lambda[row]).times_lambda(beta));
    }
    sum
}
