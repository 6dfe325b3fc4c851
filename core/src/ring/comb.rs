//! Precomputed multiples of one point.
//!
//! With Dⱼ = 2^(13·j) · P, the table of P holds D₉ ± D₈ ± … ± D₀ for all signs: 512 points, 40 KiB. A scalar then costs 26
//! additions, and both scalars of an equation share 12 doublings.

use k256::AffinePoint;
use k256::elliptic_curve::group::CurveAffine;

use super::curve::{Accumulator, Point, beta, to_points};
use super::digits::{Digits, ROWS, TEETH};

const ENTRIES: usize = 1 << (TEETH - 1);

const _: () = assert!(Table::BYTES <= 64 << 10, "a table has to share the second-level cache with others");

/// The multiples of one point that a scalar multiplication needs.
pub(super) struct Table(Box<[Point]>);

impl Table {
    /// Size of a table in memory.
    pub(super) const BYTES: usize = ENTRIES * size_of::<Point>();

    /// Computes the table of a point. `None` for the identity, which has none.
    ///
    /// The additions here never meet two points with the same x: every sum is an odd multiple of P below 2¹³¹ and every
    /// addend an even one, except for the first entry, whose sums are all greater than what is taken from them.
    pub(super) fn new(point: &AffinePoint) -> Option<Self> {
        if bool::from(point.is_identity()) {
            return None;
        }
        let mut multiples = Vec::with_capacity(2 * TEETH);
        let mut current = Accumulator::new(Point::new(point));
        for _ in 0..TEETH {
            multiples.push(current);
            for row in 0..ROWS {
                current.double();
                if row == 0 {
                    multiples.push(current);
                }
            }
        }
        // D₀, 2·D₀, D₁, 2·D₁, …
        let multiples = to_points(&multiples)?;
        let (top, lower) =
            multiples.get(..2 * TEETH)?.split_at_checked(2 * TEETH - 2).map(|(lower, top)| (top[0], lower))?;
        let mut lowest = Accumulator::new(top);
        for tooth in lower.iter().step_by(2) {
            lowest.add(&tooth.negate_if(true));
        }
        let mut entries = Vec::with_capacity(ENTRIES);
        entries.push(lowest);
        for step in lower.iter().skip(1).step_by(2) {
            for index in 0..entries.len() {
                let mut entry: Accumulator = entries[index];
                entry.add(step);
                entries.push(entry);
            }
        }
        to_points(&entries).map(|entries| Self(entries.into()))
    }

    fn entry(&self, index: u16) -> Point {
        let index = usize::from(index);
        let negate = index & ENTRIES == 0;
        let index = if negate { !index } else { index } & (ENTRIES - 1);
        // The mask keeps the index within the table.
        self.0[index].negate_if(negate)
    }
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
