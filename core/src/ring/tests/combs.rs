use k256::elliptic_curve::group::GroupEncoding;
use k256::elliptic_curve::{Field, PrimeField};
use k256::{AffinePoint, ProjectivePoint, Scalar};
use proptest::prelude::*;

use crate::ring::comb::{Table, combine};
use crate::ring::curve::Accumulator;
use crate::ring::digits::Digits;

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

#[test]
fn combinations_equal_those_of_k256() {
    let (first, second) = (Table::new(&AffinePoint::GENERATOR).unwrap(), Table::new(&base()).unwrap());
    let mut runner = proptest::test_runner::TestRunner::default();
    runner
        .run(&(scalar(), scalar(), scalar(), scalar()), |(a, b, c, d)| {
            let one = combine((&first, &Digits::new(&a)), (&second, &Digits::new(&b)));
            let other = combine((&second, &Digits::new(&c)), (&first, &Digits::new(&d)));
            let expected =
                |x: Scalar, y: Scalar| (ProjectivePoint::GENERATOR * x + ProjectivePoint::from(base()) * y).to_affine();
            let (one, other) =
                Accumulator::compress_pair(&one, &other).ok_or_else(|| TestCaseError::fail("identity"))?;
            prop_assert_eq!(&one[..], &expected(a, b).to_bytes()[..]);
            prop_assert_eq!(&other[..], &expected(d, c).to_bytes()[..]);
            Ok(())
        })
        .unwrap();
}

#[test]
fn digits_of_edge_scalars_are_right() {
    let table = Table::new(&AffinePoint::GENERATOR).unwrap();
    let other = Table::new(&base()).unwrap();
    let mut edges =
        vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, Scalar::from(2u64), -Scalar::from(2u64), Scalar::TWO_INV];
    let mut power = Scalar::ONE;
    for _ in 0..256 {
        edges.extend([power, -power, power - Scalar::ONE]);
        power = power.double();
    }
    let one = combine((&table, &Digits::new(&Scalar::ONE)), (&other, &Digits::new(&Scalar::ONE)));
    for edge in edges {
        let sum = combine((&table, &Digits::new(&edge)), (&other, &Digits::new(&Scalar::ONE)));
        let expected = (ProjectivePoint::GENERATOR * edge + ProjectivePoint::from(base())).to_affine();
        assert_eq!(Accumulator::compress_pair(&sum, &one).unwrap().0[..], expected.to_bytes()[..]);
    }
}

#[test]
fn sums_that_meet_the_identity_have_no_compressed_form() {
    let table = Table::new(&AffinePoint::GENERATOR).unwrap();
    let seven = Scalar::from(7u64);
    let ends_there = combine((&table, &Digits::new(&seven)), (&table, &Digits::new(&-seven)));
    let fine = combine((&table, &Digits::new(&seven)), (&table, &Digits::new(&Scalar::from(9u64))));
    assert!(Accumulator::compress_pair(&ends_there, &fine).is_none());
    assert!(Accumulator::compress_pair(&fine, &ends_there).is_none());
    // Twice the same table entry: the short formula has no answer, so none must be given.
    let doubles = combine((&table, &Digits::new(&seven)), (&table, &Digits::new(&seven)));
    assert!(Accumulator::compress_pair(&doubles, &fine).is_none());
}
