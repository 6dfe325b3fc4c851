use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;

use super::world::{TTL, World, keys, supplier};
use crate::ownership::assign::ranked;

const SUPPLIERS: u8 = 12;
/// In which everything must have come to rest: a member that does not take its own is passed over after two lives of a
/// lease, and there are at most a handful of members.
const REST: Duration = Duration::from_mins(2);

fn world(members: usize) -> World {
    let mut world = World::default();
    (0..members).for_each(|_| world.join(keys(SUPPLIERS)));
    world.pass(REST, assert_one_owner);
    world
}

fn assert_one_owner(world: &World) {
    for supplier in keys(SUPPLIERS) {
        let owners = world.owners(&supplier);
        assert!(owners.len() <= 1, "{owners:?} at {:?}", world.now);
    }
}

/// Every supplier that can be has one owner; which one does not change any more.
fn assert_at_rest(world: &mut World) {
    let suppliers = keys(SUPPLIERS);
    let before = world.ownership(&suppliers);
    for (supplier, owners) in &before {
        assert_eq!(owners.len(), usize::from(world.can_be_owned(supplier)), "{supplier}");
    }
    world.pass(Duration::from_secs(30), |world| assert_eq!(world.ownership(&suppliers), before));
}

#[test]
fn members_at_rest_own_what_they_rank_first_for() {
    let mut world = world(3);
    assert_at_rest(&mut world);
    for (supplier, owners) in world.ownership(&keys(SUPPLIERS)) {
        assert_eq!(owners[..1], ranked(&supplier, world.members.iter().map(|member| &member.id))[..1]);
    }
}

// rule: H-17
#[test]
fn what_a_dead_member_owned_has_an_owner_within_one_life_of_a_lease_and_nothing_else_moves() {
    let mut world = world(3);
    let before = world.ownership(&keys(SUPPLIERS));
    let dead = world.members[0].id.clone();
    world.crash(0);
    world.pass(TTL + Duration::from_millis(400), assert_one_owner);
    for (supplier, owners) in world.ownership(&keys(SUPPLIERS)) {
        assert_eq!(owners.len(), 1, "{supplier}");
        assert!(before[&supplier][0] == dead || before[&supplier] == owners, "{supplier} moved");
    }
}

#[test]
fn what_a_leaving_member_owned_has_an_owner_at_once_and_nothing_else_moves() {
    let mut world = world(3);
    let before = world.ownership(&keys(SUPPLIERS));
    let left = world.members[1].id.clone();
    world.leave(1);
    world.pass(Duration::from_millis(400), assert_one_owner);
    for (supplier, owners) in world.ownership(&keys(SUPPLIERS)) {
        assert_eq!(owners.len(), 1, "{supplier}");
        assert!(before[&supplier][0] == left || before[&supplier] == owners, "{supplier} moved");
    }
}

// rule: C-17
#[test]
fn a_member_that_comes_and_goes_is_given_nothing() {
    let mut world = world(2);
    let before = world.ownership(&keys(SUPPLIERS));
    for _ in 0..20 {
        world.join(keys(SUPPLIERS));
        world.pass(Duration::from_secs(5), |world| assert_eq!(world.ownership(&keys(SUPPLIERS)), before));
        world.crash(2);
        world.pass(TTL + Duration::from_millis(300), |world| assert_eq!(world.ownership(&keys(SUPPLIERS)), before));
    }
}

/// The member that ranks first may lack the key, or fail each time: nobody says so, but it shows.
#[test]
fn what_the_first_does_not_take_goes_to_the_next_and_stays_there() {
    let mut world = World::default();
    for index in 0..3 {
        world.join(keys(SUPPLIERS).into_iter().filter(|address| *address != supplier(index)).collect());
    }
    world.pass(REST, assert_one_owner);
    assert_at_rest(&mut world);
}

/// Redis may take renewals and no heartbeats, when it is full. Then nobody asks in a hurry for what is not free.
#[test]
fn a_holder_that_renews_lives_whoever_is_on_the_list() {
    let now = Duration::from_secs(100);
    let me = "me/1/x".parse::<relay_core::store::Fence>().unwrap().instance;
    let gone = "gone/1/x".parse::<relay_core::store::Fence>().unwrap().instance;
    let mut planner = super::Planner::new(me, super::world::TIMES, None);
    planner.keys_are(now, &keys(1));
    let pause = |planner: &mut super::Planner, at: Duration, remaining: u64| {
        planner.refused(at, &supplier(0), &gone, Duration::from_millis(remaining));
        planner.next_try(at).unwrap().saturating_sub(at)
    };
    assert!(pause(&mut planner, now, 4_000) <= Duration::from_millis(50));
    assert!(pause(&mut planner, now + Duration::from_secs(1), 3_000) <= Duration::from_millis(50), "it runs out");
    assert!(pause(&mut planner, now + Duration::from_secs(2), 6_000) >= Duration::from_millis(500), "it was renewed");
    assert_eq!(pause(&mut planner, now + Duration::from_millis(7_990), 10), Duration::from_millis(10), "it ends");
}

// rule: O-12
#[test]
fn a_supplier_whose_key_is_gone_is_given_up_and_another_member_that_has_it_goes_on() {
    let mut world = world(2);
    let owner = world.owners(&supplier(3))[0].clone();
    let index = world.members.iter().position(|member| member.id == owner).unwrap();
    let without: BTreeSet<_> = keys(SUPPLIERS).into_iter().filter(|address| *address != supplier(3)).collect();
    world.give_keys(index, without.clone());
    world.pass(REST, assert_one_owner);
    let owners = world.owners(&supplier(3));
    assert_eq!(owners.len(), 1);
    assert_ne!(*owners[0], owner);
    world.give_keys(1 - index, without);
    world.pass(TTL, assert_one_owner);
    assert!(world.owners(&supplier(3)).is_empty());
}

#[derive(Debug, Clone)]
enum Happens {
    Join,
    Crash(usize),
    Leave(usize),
    /// A stopped process, or a machine that sleeps: its clock goes on.
    Sleep(usize),
    Wake(usize),
    Cut(usize),
    Heal(usize),
    Keys(usize, u8),
    Wait(u32),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        2 => Just(Happens::Join),
        1 => (0..5usize).prop_map(Happens::Crash),
        1 => (0..5usize).prop_map(Happens::Leave),
        1 => (0..5usize).prop_map(Happens::Sleep),
        1 => (0..5usize).prop_map(Happens::Wake),
        1 => (0..5usize).prop_map(Happens::Cut),
        1 => (0..5usize).prop_map(Happens::Heal),
        1 => (0..5usize, 0..SUPPLIERS).prop_map(|(member, number)| Happens::Keys(member, number)),
        5 => (1..150u32).prop_map(Happens::Wait),
    ]
}

fn make_happen(world: &mut World, happens: &Happens) {
    let pick = |index: usize, world: &World| (index < world.members.len()).then_some(index);
    match *happens {
        Happens::Join if world.members.len() < 5 => world.join(keys(SUPPLIERS)),
        Happens::Join => {}
        Happens::Wait(tenths) => world.pass(Duration::from_millis(u64::from(tenths) * 100), assert_one_owner),
        Happens::Crash(index) => {
            if let Some(index) = pick(index, world) {
                world.crash(index);
            }
        }
        Happens::Leave(index) => {
            if let Some(index) = pick(index, world) {
                world.leave(index);
            }
        }
        Happens::Sleep(index) | Happens::Wake(index) => {
            if let Some(index) = pick(index, world) {
                world.members[index].awake = matches!(happens, Happens::Wake(_));
            }
        }
        Happens::Cut(index) | Happens::Heal(index) => {
            if let Some(index) = pick(index, world) {
                world.members[index].linked = matches!(happens, Happens::Heal(_));
            }
        }
        Happens::Keys(index, number) => {
            if let Some(index) = pick(index, world) {
                let some = keys(SUPPLIERS).into_iter().filter(|address| *address != supplier(number)).collect();
                world.give_keys(index, some);
            }
        }
    }
    assert_one_owner(world);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happened: never two owners, and once it is over everything that can be owned is, and stays where it is.
    // rule: M-18, I-13, W-16, H-17
    #[test]
    fn never_two_owners_and_in_the_end_one(story in prop::collection::vec(happens(), 1..40)) {
        let mut world = World::default();
        world.join(keys(SUPPLIERS));
        for happens in &story {
            make_happen(&mut world, happens);
        }
        for member in &mut world.members {
            (member.awake, member.linked) = (true, true);
        }
        world.pass(REST, assert_one_owner);
        assert_at_rest(&mut world);
    }
}
