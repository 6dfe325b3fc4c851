//! What is remembered, and for how long.

use k256::{AffinePoint, ProjectivePoint, Scalar};

use crate::ring::hash::Compressed;
use crate::ring::sightings::Sightings;
use crate::ring::tables::{Role, Tables};

/// A distinct point, by any name: the cache does not look at it.
fn point(number: u8) -> (Role, Compressed, AffinePoint) {
    let point = (ProjectivePoint::GENERATOR * Scalar::from(u64::from(number) + 1)).to_affine();
    (Role::Member, [number; 33], point)
}

fn entry_bytes() -> usize {
    let tables = Tables::new(1 << 20);
    tables.build(&[point(0)], 0);
    tables.bytes()
}

fn held(tables: &Tables) -> Vec<u8> {
    (0..10).filter(|number| tables.point(Role::Member, &[*number; 33]).is_some()).collect()
}

#[test]
fn the_bound_in_bytes_holds() {
    let bytes = entry_bytes();
    let tables = Tables::new(3 * bytes + bytes / 2);
    for number in 0..10 {
        tables.build(&[point(number)], u64::from(number));
        assert!(tables.bytes() <= 3 * bytes);
    }
    assert_eq!(held(&tables), [0, 1, 2], "tables in use are not replaced");
    tables.build(&[point(3), point(4), point(5), point(6)], 1_000_000);
    assert_eq!(held(&tables), [0, 1, 2], "four never fit");
    Tables::new(0).build(&[point(0)], 0);
}

#[test]
fn idle_tables_make_room_and_used_ones_do_not() {
    let tables = Tables::new(3 * entry_bytes());
    tables.build(&[point(0), point(1), point(2)], 0);
    // Two are used all the time; the third is not.
    for now in 1..100 {
        let used = [0, 1].map(|number| tables.get(Role::Member, &[number; 33], now).is_some());
        assert_eq!(used, [true, true]);
        tables.build(&[point(3)], now);
    }
    assert_eq!(held(&tables), [0, 1, 3]);
    tables.build(&[point(4), point(5)], 100);
    assert_eq!(held(&tables), [0, 1, 3], "all or nothing");
    tables.build(&[point(4), point(5)], 1000);
    assert_eq!(held(&tables).len(), 3);
    assert!(held(&tables).ends_with(&[4, 5]));
}

#[test]
fn roles_do_not_mix() {
    let tables = Tables::new(1 << 20);
    tables.build(&[point(7)], 0);
    assert!(tables.get(Role::Member, &[7; 33], 1).is_some());
    assert!(tables.get(Role::MemberHash, &[7; 33], 1).is_none());
    assert!(tables.get(Role::KeyImage, &[7; 33], 1).is_none());
}

#[test]
fn what_was_seen_once_is_recognised_even_among_many() {
    let sightings = Sightings::new();
    assert!(!sightings.again("ring", 0));
    assert!(sightings.again("ring", 1));
    // Some of these share a slot; in a few rounds each must come through once.
    let mut unseen: Vec<u32> = (0..5000).collect();
    let mut now = 0;
    for _ in 0..40 {
        unseen.retain(|ring| {
            now += 1;
            !sightings.again(ring, now)
        });
    }
    assert!(unseen.is_empty(), "{} are never recognised", unseen.len());
}
