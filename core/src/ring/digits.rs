//! A scalar as the rows of table indices that a comb consumes.
//!
//! A scalar k is split into k₁ + λ·k₂ with both halves about 128 bits long, where multiplying a point by λ costs one field
//! multiplication. The lattice of all (a, b) with a + λ·b = 0 has the short basis (A, −B), (A + B, A); subtracting its nearest
//! vector gives the halves, and adding a basis vector where needed makes both odd. An odd number below 2¹³⁰ is a sum of ±2ⁱ
//! over *all* i < 130: with only these two digits no table entry is the identity, and half of the entries are negatives of
//! the other half.

use k256::elliptic_curve::Curve;
use k256::{Scalar, Secp256k1};

type Number = <Secp256k1 as Curve>::Uint;

/// Bits that one table index covers.
pub(super) const TEETH: usize = 10;
/// Table indices of a half: bit `ROWS · tooth + row` belongs to `row`.
pub(super) const ROWS: usize = 13;

const A: Number = Number::from_u128(0x3086_d221_a7d4_6bcd_e86c_90e4_9284_eb15);
const B: Number = Number::from_u128(0xe443_7ed6_010e_8828_6f54_7fa9_0abf_e4c3);
const A_PLUS_B: Number = A.wrapping_add(&B);
/// A · 2³⁸⁴ / order and B · 2³⁸⁴ / order, rounded.
const A_OVER_ORDER: Number = Number::from_be_hex("3086d221a7d46bcde86c90e49284eb153daa8a1471e8ca7fe893209a45dbb031");
const B_OVER_ORDER: Number = Number::from_be_hex("e4437ed6010e88286f547fa90abfe4c4221208ac9df506c61571b4ae8ac47f71");
/// 2¹³⁰ − 1.
const ALL_ONES: Number = Number::from_be_hex("00000000000000000000000000000003ffffffffffffffffffffffffffffffff");

/// The table indices of a scalar: one list for k₁, one for k₂. The highest bit of an index says "as it stands" (1) or
/// "negated" (0).
pub(super) struct Digits {
    pub(super) plain: [u16; ROWS],
    pub(super) lambda: [u16; ROWS],
}

impl Digits {
    pub(super) fn new(scalar: &Scalar) -> Self {
        let (first, second) = odd_halves(&Number::from(scalar));
        Self { plain: rows(&first), lambda: rows(&second) }
    }
}

/// k₁ and k₂ modulo 2²⁵⁶, both odd, both within ±2¹²⁹.
fn odd_halves(scalar: &Number) -> (Number, Number) {
    let first = rounded_product(scalar, &A_OVER_ORDER);
    let second = rounded_product(scalar, &B_OVER_ORDER);
    let mut k1 = scalar.wrapping_sub(&first.wrapping_mul(&A)).wrapping_sub(&second.wrapping_mul(&A_PLUS_B));
    let mut k2 = first.wrapping_mul(&B).wrapping_sub(&second.wrapping_mul(&A));
    if is_even(&k1) {
        k1 = k1.wrapping_add(&A);
        k2 = k2.wrapping_sub(&B);
    }
    if is_even(&k2) {
        // A + B is even, so this keeps k₁ odd.
        k1 = k1.wrapping_add(&A_PLUS_B);
        k2 = k2.wrapping_add(&A);
    }
    (k1, k2)
}

fn is_even(number: &Number) -> bool {
    number.as_words()[0] & 1 == 0
}

/// The product divided by 2³⁸⁴, rounded to the nearest integer.
fn rounded_product(scalar: &Number, factor: &Number) -> Number {
    let (_, high) = scalar.widening_mul(factor);
    let round_up = high.shr_vartime(127).as_words()[0] & 1;
    high.shr_vartime(128).wrapping_add(&Number::from_u64(round_up))
}

/// An odd half as indices: with v = (half + 2¹³⁰ − 1) / 2, bit i of v is the sign of 2ⁱ.
fn rows(half: &Number) -> [u16; ROWS] {
    let signs = half.wrapping_add(&ALL_ONES).shr_vartime(1);
    let mut rows = [0; ROWS];
    for tooth in (0..TEETH).rev() {
        // The cast keeps the low bits, which hold this tooth's column.
        #[allow(clippy::cast_possible_truncation)]
        let column = signs.shr_vartime((ROWS * tooth) as u32).as_words()[0] as u32;
        for (row, index) in rows.iter_mut().enumerate() {
            *index = *index << 1 | u16::from(column >> row & 1 == 1);
        }
    }
    rows
}
