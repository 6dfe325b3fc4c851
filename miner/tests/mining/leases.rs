//! Who owns what: members come, die, leave and fail.

use std::collections::BTreeMap;
use std::time::Duration;

use relay_core::address::Address;
use relay_core::config::Period;
use relay_core::session::SessionHeader;
use relay_core::store::{Append, InstanceId, Store};
use relay_core::units::Height;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::fleet::{Fate, Fleet, commands, key, ring, say};

fn address(number: u16) -> Address {
    key(number).address().clone()
}

/// Relays for the first few suppliers, in so many calls.
async fn append_relays(store: &Store, calls: u16, relays: usize) {
    for number in 0..calls {
        let supplier = address(number % 8);
        let session = SessionHeader {
            application: address(4_000),
            service: "svc1".into(),
            id: "5e55".into(),
            start: Height(11),
            end: Height(20),
        };
        let relay = |n: usize| Append {
            session: session.clone(),
            relay: format!("relay {number} {n}").into(),
            arrival: Height(12),
            earlier: None,
        };
        store.append(&supplier, &(0..relays).map(relay).collect::<Vec<_>>()).await.unwrap();
    }
}

fn scripts(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> u64 {
    let calls = |all: &BTreeMap<String, u64>| all.get("evalsha").copied().unwrap_or_default();
    calls(after) - calls(before)
}

// rule: M-18, I-13, O-01, H-16, H-17, W-10, C-16, C-17
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_thousand_suppliers_have_one_owner_each_whoever_comes_and_goes() {
    let mut fleet = Fleet::new(1_000).await;
    let (first, second, third) = (fleet.join().await, fleet.join().await, fleet.join().await);
    fleet.until_spread_over(&[&first, &second, &third]).await;

    // Nothing moves, and what is asked of Redis grows with suppliers and members, not with relays.
    let owned = fleet.ledger.owned();
    let (store, span) = (fleet.store().await, Duration::from_secs(6));
    let start = commands(&fleet.redis).await;
    sleep(span).await;
    let quiet = commands(&fleet.redis).await;
    append_relays(&store, 40, 250).await;
    sleep(span).await;
    let busy = commands(&fleet.redis).await;
    let (without, with) = (scripts(&start, &quiet), scripts(&quiet, &busy) - 40);
    // 3 rounds with a renewal for each supplier, a heartbeat and seven glances of each member; one more round may fall in.
    assert!((2_000..=4_200).contains(&without), "{without} calls of scripts in {span:?}");
    assert!(with <= without + 1_300, "{with} calls with 10000 relays, {without} without");
    assert!(fleet.ledger.owned() == owned, "a stable membership moves nothing");
    for member in [&first, &second, &third] {
        assert_eq!(member.metrics.lost.get(), 0, "every renewal came in time");
    }

    let orphans = fleet.ledger.owned_by(first.number);
    let survivors: Vec<_> = owned.iter().filter(|(supplier, _)| !orphans.contains(*supplier)).collect();
    first.kill();
    let took = fleet
        .until("the killed member's are owned", |owned| owned.len() == 1_000 && owned.values().all(|owner| *owner != 0))
        .await;
    println!("{} suppliers of a killed member had owners after {took:?}", orphans.len());
    let after = fleet.ledger.owned();
    assert!(survivors.iter().all(|(supplier, owner)| after[*supplier] == **owner), "nothing else moved");

    let fourth = fleet.join().await;
    let took = fleet.until_spread_over(&[&second, &third, &fourth]).await;
    println!("spread over three again after {took:?}");
    fleet.ledger.assert_never_two();
}

// rule: O-03, O-07, O-13, H-26, C-37
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_member_that_stops_hands_everything_over_at_once() {
    let mut fleet = Fleet::new(200).await;
    fleet.leases.ttl = Period::from_secs(120);
    fleet.leases.hand_over = Period::from_secs(30);
    let (mut first, second) = (fleet.join().await, fleet.join().await);
    fleet.until_spread_over(&[&first, &second]).await;
    let handed_over = first.stop().await;
    assert_eq!(handed_over.abandoned, 0);
    assert_eq!((first.metrics.failures.get(), first.metrics.panics.get(), first.metrics.lost.get()), (0, 0, 0));
    // Leases last for longer than this test waits: they were given back, not run out.
    fleet.until("all are the other's", |owned| owned.len() == 200 && owned.values().all(|owner| *owner == 1)).await;
    fleet.ledger.assert_never_two();
    let members = fleet.store().await.members().await.unwrap();
    assert_eq!(members.len(), 1, "{members:?}");
}

// rule: O-07, W-06
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn work_that_does_not_end_holds_up_neither_the_shutdown_nor_the_others() {
    let mut fleet = Fleet::new(20).await;
    fleet.leases.hand_over = Period::from_millis(500);
    let mut first = fleet.join_with(Fate::Deaf(address(7)), BTreeMap::new()).await;
    fleet.until_all_owned().await;
    let handed_over = first.stop().await;
    assert_eq!((handed_over.suppliers, handed_over.abandoned), (19, 1));
    let holders = fleet.store().await.holders(&(0..20).map(address).collect::<Vec<_>>()).await.unwrap();
    let held: Vec<_> = (0..20).filter(|number| holders[*number].is_some()).collect();
    assert_eq!(held, [7], "what has not ended is not given back");
    let _second = fleet.join().await;
    fleet.until_all_owned().await;
    fleet.ledger.assert_never_two();
}

// rule: H-25, H-20
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_panic_costs_its_own_supplier_a_pause_and_others_nothing() {
    let mut fleet = Fleet::new(10).await;
    let first = fleet.join_with(Fate::Panics(address(3)), BTreeMap::new()).await;
    fleet.until("all but one are owned", |owned| owned.len() == 9).await;
    let began = std::time::Instant::now();
    while first.metrics.panics.get() < 3 {
        assert!(began.elapsed() < crate::fleet::LIMIT, "{} panics", first.metrics.panics.get());
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(fleet.ledger.beginnings(), 9 + usize::try_from(first.metrics.panics.get()).unwrap());
    assert_eq!(first.metrics.lost.get(), 0);
    // Another member has no trouble with it.
    let second = fleet.join().await;
    fleet.until("the other has it", |owned| owned.get(&address(3)) == Some(&second.number)).await;
    fleet.ledger.assert_never_two();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_owner_that_fails_is_tried_again_after_a_pause() {
    let mut fleet = Fleet::new(2).await;
    let first = fleet.join_with(Fate::Fails(address(1)), BTreeMap::new()).await;
    fleet.until("the other is owned", |owned| owned.len() == 1).await;
    sleep(Duration::from_secs(4)).await;
    let failures = first.metrics.failures.get();
    assert!((1..=5).contains(&failures), "{failures} failures in four seconds");
}

// rule: O-01, O-02
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lost_lease_stops_the_work_and_leaves_its_memory() {
    let mut fleet = Fleet::new(30).await;
    let member = fleet.join().await;
    fleet.until_all_owned().await;
    let store = fleet.store().await;
    let all: Vec<Address> = (0..30).map(address).collect();
    let before = store.holders(&all).await.unwrap();
    fleet.redis.pause().unwrap();
    fleet.until("nobody owns anything", BTreeMap::is_empty).await;
    fleet.redis.resume().unwrap();
    fleet.until_all_owned().await;
    let after = store.holders(&all).await.unwrap();
    for (before, after) in before.iter().flatten().zip(after.iter().flatten()) {
        assert_eq!(after.instance, before.instance);
        assert!(after.epoch > before.epoch, "a tenure that is over is never resumed");
    }
    assert!(member.metrics.lost.get() == 0 || member.metrics.lost.get() == 30);
    assert_eq!(fleet.ledger.remembered(), 30, "nobody came between");
    fleet.ledger.assert_never_two();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn another_redis_means_new_leases_and_no_memory() {
    let mut fleet = Fleet::new(30).await;
    let _member = fleet.join().await;
    fleet.until_all_owned().await;
    fleet.redis.restart().await.unwrap();
    let began = std::time::Instant::now();
    while fleet.ledger.beginnings() < 60 {
        assert!(began.elapsed() < crate::fleet::LIMIT, "{} beginnings", fleet.ledger.beginnings());
        sleep(Duration::from_millis(50)).await;
    }
    fleet.until_all_owned().await;
    assert_eq!(fleet.ledger.remembered(), 0);
    fleet.ledger.assert_never_two();
}

// rule: O-02, W-04
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_member_that_starts_again_under_its_old_name_takes_what_it_had() {
    let mut fleet = Fleet::new(30).await;
    let first = fleet.join().await;
    fleet.until_all_owned().await;
    let before = first.board.fleet().instance.unwrap();
    first.kill();
    // The ledger tells members apart, Redis and the other members see the same name only.
    let second = fleet.join().await;
    fleet.until("all are the new one's", |owned| owned.len() == 30 && owned.values().all(|owner| *owner == 1)).await;
    assert_ne!(second.board.fleet().instance.unwrap(), before);
    fleet.ledger.assert_never_two();
}

/// A full Redis takes no heartbeats, so that each member seems to be alone; renewals it takes.
// rule: H-30
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn leases_survive_a_redis_that_is_full() {
    let mut fleet = Fleet::new(60).await;
    let (first, second) = (fleet.join().await, fleet.join().await);
    fleet.until_spread_over(&[&first, &second]).await;
    let (owned, begun) = (fleet.ledger.owned(), fleet.ledger.beginnings());
    say(&fleet.redis, "CONFIG SET maxmemory 1").await;
    let before = commands(&fleet.redis).await;
    sleep(Duration::from_secs(15)).await;
    let asked = scripts(&before, &commands(&fleet.redis).await);
    assert!(fleet.ledger.owned() == owned && fleet.ledger.beginnings() == begun, "nothing moves");
    assert!(asked < 6_000, "{asked} calls of scripts in fifteen seconds: nobody asks in a hurry");
    say(&fleet.redis, "CONFIG SET maxmemory 0").await;
    fleet.until_spread_over(&[&first, &second]).await;
    assert!(fleet.ledger.owned() == owned, "nothing has moved");
    assert_eq!(first.metrics.lost.get() + second.metrics.lost.get(), 0);
}

// rule: O-12
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_supplier_whose_key_is_gone_is_worked_for_until_its_sessions_end() {
    let mut fleet = Fleet::new(6).await;
    let over = CancellationToken::new();
    let member = fleet.join_with(Fate::OpenUntil(over.clone()), BTreeMap::new()).await;
    fleet.until_all_owned().await;

    member.keys.send_replace(ring((0..7).filter(|number| *number != 2)));
    fleet.until("the added one is owned", |owned| owned.contains_key(&address(6))).await;
    let began = std::time::Instant::now();
    while member.board.fleet().draining != [address(2)] {
        assert!(began.elapsed() < crate::fleet::LIMIT, "{:?}", member.board.fleet());
        sleep(Duration::from_millis(50)).await;
    }
    sleep(Duration::from_secs(3)).await;
    assert!(fleet.ledger.owned().contains_key(&address(2)), "its session is open");

    over.cancel();
    fleet.until("it is given up", |owned| owned.len() == 6 && !owned.contains_key(&address(2))).await;
    sleep(Duration::from_secs(3)).await;
    assert!(!fleet.ledger.owned().contains_key(&address(2)), "it is not taken again");
    let holders = fleet.store().await.holders(&[address(2)]).await.unwrap();
    assert_eq!(holders, [None]);
}

// rule: O-12
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_grace_ends_what_sessions_do_not() {
    let mut fleet = Fleet::new(3).await;
    fleet.leases.drain_removed_keys = Some(Period::from_secs(1));
    let member = fleet.join_with(Fate::OpenUntil(CancellationToken::new()), BTreeMap::new()).await;
    fleet.until_all_owned().await;
    member.keys.send_replace(ring(1..3));
    fleet.until("it is given up", |owned| owned.len() == 2 && !owned.contains_key(&address(0))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_nearest_deadline_is_read_in_first() {
    let mut fleet = Fleet::new(12).await;
    fleet.leases.take_overs = 1;
    let height = |number: u16| Height(i64::from((number * 7) % 12));
    // The last two have nothing open.
    let deadlines = (0..10).map(|number| (address(number), height(number))).collect();
    let _member = fleet.join_with(Fate::Fine, deadlines).await;
    fleet.until_all_owned().await;
    let mut expected: Vec<u16> = (0..10).collect();
    expected.sort_by_key(|number| height(*number));
    let begun: Vec<_> = fleet.ledger.begun().into_iter().map(|(_, supplier)| supplier).collect();
    assert_eq!(begun[..10], expected.into_iter().map(address).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_lease_that_is_taken_by_force_ends_the_work() {
    let mut fleet = Fleet::new(1).await;
    let member = fleet.join().await;
    fleet.until_all_owned().await;
    let store = fleet.store().await;
    let fence = store.holders(&[address(0)]).await.unwrap().remove(0).unwrap();
    let stolen = relay_core::store::Lease::until(address(0), fence, store.clock().monotonic() + Duration::from_secs(9));
    store.release(std::slice::from_ref(&stolen)).await.unwrap();
    let thief = InstanceId::random();
    store.acquire(&address(0), &thief).await.unwrap();
    fleet.until("the work ended", BTreeMap::is_empty).await;
    assert_eq!(member.metrics.lost.get(), 1);
    // The thief never renews, so the supplier comes back.
    fleet.until_all_owned().await;
    assert_eq!(fleet.ledger.remembered(), 0, "somebody came between");
}
