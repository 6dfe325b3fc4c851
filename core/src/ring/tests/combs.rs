use k256::elliptic_curve::group::GroupEncoding;
use k256::elliptic_curve::{Field, PrimeField};
use k256::{AffinePoint, ProjectivePoint, Scalar};
use proptest::prelude::*;

use crate::ring::comb::{Table, combine};
use crate::ring::commitments::{Base, Bases};
use crate::ring::curve::Accumulator;
use crate::ring::digits::Digits;
use crate::ring::tables::Prepared;

fn scalar() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        8 => any::<[u64; 4]>().prop_map(|words| words.iter().fold(Scalar::ZERO, |sum, word| {
            sum * Scalar::from(u64::MAX) + Scalar::from(*word)
        })),
        1 => any::<u64>().prop_map(Scalar::from),
        1 => any::<u64>().prop_map(|small| -Scalar::from(small)),
    ]
}

fn base() -> AffinePoint {
    (ProjectivePoint::GENERATOR * Scalar::from(0xfeed_u64)).to_affine()
}

#[test]
fn the_identity_has_no_table() {
    assert!(Table::new(&AffinePoint::IDENTITY).is_none());
}

fn expected(first: Scalar, second: Scalar) -> [u8; 33] {
    (ProjectivePoint::GENERATOR * first + ProjectivePoint::from(base()) * second).to_affine().to_bytes().into()
}

#[test]
fn combinations_equal_those_of_k256() {
    let first = Table::new(&AffinePoint::GENERATOR).unwrap();
    let second = Table::new(&base()).unwrap();
    proptest!(|(a in scalar(), b in scalar(), c in scalar(), d in scalar())| {
        let one = combine((&first, &Digits::new(&a)), (&second, &Digits::new(&b)));
        let other = combine((&second, &Digits::new(&c)), (&first, &Digits::new(&d)));
        let pair = Accumulator::compress_pair(&one, &other);
        prop_assert_eq!(pair, Some((expected(a, b), expected(d, c))));
    });
}

#[test]
fn digits_of_edge_scalars_are_right() {
    let first = Table::new(&AffinePoint::GENERATOR).unwrap();
    let second = Table::new(&base()).unwrap();
    let small = [0u64, 1, 2].map(Scalar::from);
    let mut edges = vec![small[0], small[1], -small[1], small[2], -small[2], Scalar::TWO_INV];
    let mut power = Scalar::ONE;
    for _ in 0..256 {
        edges.extend([power, -power, power - Scalar::ONE]);
        power = power.double();
    }
    for edge in edges {
        let sum = combine((&first, &Digits::new(&edge)), (&second, &Digits::new(&Scalar::ONE)));
        let (left, right) = Accumulator::compress_pair(&sum, &sum).unwrap();
        assert_eq!((left, right), (expected(edge, Scalar::ONE), left));
    }
}

#[test]
fn sums_that_meet_the_identity_have_no_compressed_form() {
    let table = Table::new(&AffinePoint::GENERATOR).unwrap();
    let other = Table::new(&base()).unwrap();
    let seven = Scalar::from(7u64);
    let (digits, negated) = (Digits::new(&seven), Digits::new(&-seven));
    let fine = combine((&table, &digits), (&other, &digits));
    assert!(Accumulator::compress_pair(&fine, &fine).is_some());
    // The second is twice the same table entry: the short formula has no answer, so none must be given.
    for undefined in [combine((&table, &digits), (&table, &negated)), combine((&table, &digits), (&table, &digits))] {
        assert!(Accumulator::compress_pair(&undefined, &fine).is_none());
        assert!(Accumulator::compress_pair(&fine, &undefined).is_none());
        assert!(undefined.compress().is_none());
    }
}

/// What the short formulas cannot compute is computed all the same, here with every base the generator.
#[test]
fn equal_bases_are_computed_by_complete_formulas() {
    let generator = Prepared::new(&AffinePoint::GENERATOR).unwrap();
    for base in [Base::Prepared(&generator), Base::Bare(AffinePoint::GENERATOR)] {
        let bases = Bases { generator: base, member: base, hash: base, image: base };
        let (left, right) = bases.commitments(&Scalar::from(7u64), &Scalar::from(9u64)).unwrap();
        let sixteen = (ProjectivePoint::GENERATOR * Scalar::from(16u64)).to_affine().to_bytes();
        assert_eq!((&left[..], &right[..]), (&sixteen[..], &sixteen[..]));
        let seven = Scalar::from(7u64);
        assert_eq!(bases.commitments(&seven, &-seven), None);
    }
}
