use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::RngExt;
use tokio::time::sleep;

use super::scene::{append, chain, config, raw, start, supplier};
use crate::budget::share;
use crate::config::Period;
use crate::store::{InstanceId, Slice, SliceCall, Store, StoreConfig};
use crate::units::Height;

const KEEP: Duration = Duration::from_mins(10);

fn call(number: u64, used: u64, held: u64, wanted: u64) -> SliceCall {
    SliceCall {
        supplier: supplier(1),
        session: "one".into(),
        number,
        used,
        shown: used,
        held,
        wanted,
        limit: 1_000,
        relays_per_entry: 1.0,
        keep: KEEP,
    }
}

async fn slice(store: &Store, instance: &InstanceId, call: SliceCall) -> Slice {
    store.slices(instance, &[call]).await.unwrap()[0]
}

/// Heartbeats older than 300 ms are dead.
async fn impatient() -> (testbed::Redis, Store) {
    let (redis, _) = start().await;
    let config = StoreConfig { dead_after: Period::from_millis(300), ..config(&redis) };
    let store = Store::open(config, chain()).await.unwrap();
    (redis, store)
}

#[tokio::test]
async fn slices_get_smaller_towards_the_end() {
    let (_redis, store) = start().await;
    let one = InstanceId::random();
    let (mut held, mut number) = (0, 0);
    loop {
        number += 1;
        let taken = slice(&store, &one, call(number, held, held, 100)).await;
        assert_eq!(taken.held - held, share(1_000 - held, 1, 100));
        assert_eq!(taken.left, 1_000 - taken.held);
        if taken.held == held {
            break;
        }
        held = taken.held;
    }
    assert_eq!(held, 1_000, "to the last relay");
}

#[tokio::test]
async fn others_leave_room_and_what_is_given_back_is_there_again() {
    let (_redis, store) = start().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    assert_eq!(slice(&store, &one, call(1, 0, 0, 500)).await, Slice { held: 250, left: 750, live: 1 });
    assert_eq!(slice(&store, &two, call(1, 0, 0, 500)).await, Slice { held: 93, left: 657, live: 2 });
    // It served 10 and gives the rest back.
    assert_eq!(slice(&store, &one, call(2, 10, 10, 0)).await, Slice { held: 10, left: 897, live: 2 });
}

#[tokio::test]
async fn a_repeated_call_takes_nothing_twice_and_an_overtaken_one_changes_nothing() {
    let (_redis, store) = start().await;
    let one = InstanceId::random();
    // Its answer is lost: the instance still thinks that it holds nothing.
    slice(&store, &one, call(1, 0, 0, 100)).await;
    assert_eq!(slice(&store, &one, call(2, 0, 0, 100)).await, Slice { held: 100, left: 900, live: 1 });
    // The first one comes once more.
    assert_eq!(slice(&store, &one, call(1, 0, 0, 100)).await.held, 100);
    assert_eq!(slice(&store, &one, call(3, 60, 100, 60)).await, Slice { held: 160, left: 840, live: 1 });
}

#[tokio::test]
async fn budgets_of_suppliers_and_sessions_are_apart() {
    let (_redis, store) = start().await;
    let one = InstanceId::random();
    let other = SliceCall { supplier: supplier(2), ..call(1, 0, 0, 500) };
    let third = SliceCall { session: "two".into(), ..call(1, 0, 0, 500) };
    let slices = store.slices(&one, &[call(1, 0, 0, 500), other, third]).await.unwrap();
    assert!(slices.iter().all(|slice| *slice == Slice { held: 250, left: 750, live: 1 }), "{slices:?}");
    assert!(store.slices(&one, &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_dead_instances_slice_comes_back_less_what_the_log_shows() {
    let (_redis, store) = impatient().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    slice(&store, &one, call(1, 0, 0, 200)).await;
    append(&store, "one", &["1", "2", "3", "4", "5"]).await;
    slice(&store, &one, call(2, 5, 200, 0)).await;
    append(&store, "one", &["a", "b", "c"]).await;
    sleep(Duration::from_millis(400)).await;
    // 5 were reported, 3 more are in the log.
    assert_eq!(slice(&store, &two, call(1, 0, 0, 1)).await, Slice { held: 1, left: 991, live: 1 });
    // What the log gains afterwards is not the dead one's.
    append(&store, "one", &["d", "e"]).await;
    assert_eq!(slice(&store, &two, call(2, 1, 1, 1)).await, Slice { held: 2, left: 990, live: 1 });
    // It was only asleep, and had used more than that.
    assert_eq!(slice(&store, &one, call(3, 12, 200, 1)).await, Slice { held: 13, left: 985, live: 2 });
}

/// Most of what the log gained is the other one's, which says so.
#[tokio::test]
async fn a_dead_instance_is_not_charged_with_what_others_served() {
    let (_redis, store) = impatient().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    slice(&store, &one, call(1, 0, 0, 100)).await;
    append(&store, "one", &["a", "b", "c"]).await;
    slice(&store, &two, call(1, 0, 0, 100)).await;
    append(&store, "one", &["d", "e", "f", "g", "h"]).await;
    sleep(Duration::from_millis(400)).await;
    // It has answered a sixth, which is not recorded yet.
    let busy = SliceCall { shown: 5, ..call(2, 6, 100, 0) };
    assert_eq!(slice(&store, &two, busy).await, Slice { held: 100, left: 1_000 - 100 - 3, live: 1 });
}

#[tokio::test]
async fn an_entry_of_a_hard_service_stands_for_many_relays() {
    let (_redis, store) = impatient().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    slice(&store, &one, call(1, 0, 0, 200)).await;
    append(&store, "one", &["a", "b", "c"]).await;
    sleep(Duration::from_millis(400)).await;
    let hard = SliceCall { relays_per_entry: 2.5, ..call(1, 0, 0, 1) };
    assert_eq!(slice(&store, &two, hard).await.left, 1_000 - 8 - 1);
}

#[tokio::test]
async fn a_pending_mark_keeps_a_slice() {
    let (_redis, store) = impatient().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    slice(&store, &one, call(1, 0, 0, 200)).await;
    for _ in 0..3 {
        sleep(Duration::from_millis(150)).await;
        store.put_pending(&one, &[(supplier(1), Some(Height(20)))]).await.unwrap();
    }
    assert_eq!(slice(&store, &two, call(1, 0, 0, 1)).await, Slice { held: 1, left: 799, live: 2 });
}

#[tokio::test]
async fn a_lost_budget_begins_with_what_the_log_shows() {
    let (redis, store) = start().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    append(&store, "one", &["a", "b", "c", "d", "e"]).await;
    slice(&store, &one, call(1, 2, 2, 100)).await;
    raw::<u64>(&redis, &["DEL", &store.keys().budget(&supplier(1), &"one".into())]).await;
    // Of five relays in the log two are its own. It holds 100 more.
    assert_eq!(slice(&store, &one, call(2, 2, 102, 0)).await, Slice { held: 102, left: 895, live: 1 });
    // Two others turn out to be somebody else's, who has not recorded a third yet.
    let known = SliceCall { shown: 2, ..call(7, 3, 10, 0) };
    assert_eq!(slice(&store, &two, known).await, Slice { held: 10, left: 887, live: 2 });
    assert_eq!(slice(&store, &two, call(8, 3, 10, 0)).await.left, 887, "accounted for once");
}

// rule: D-41
#[tokio::test]
async fn every_call_prolongs_the_life_of_a_budget() {
    let (redis, store) = start().await;
    let one = InstanceId::random();
    let key = store.keys().budget(&supplier(1), &"one".into());
    for number in 1..4 {
        slice(&store, &one, call(number, 0, 0, 1)).await;
        let left: i64 = raw(&redis, &["PTTL", &key]).await;
        assert!((500_000..=600_000).contains(&left), "{left}");
        raw::<u8>(&redis, &["PERSIST", &key]).await;
    }
    raw::<String>(&redis, &["FLUSHALL"]).await;
    slice(&store, &one, call(4, 1, 1, 1)).await;
    let left: i64 = raw(&redis, &["PTTL", &key]).await;
    assert!(left > 0, "{left}");
}

/// Many instances at once, which come and go, lose answers and give back: the budget is used to the last relay, and no relay more.
// rule: D-42
#[tokio::test(flavor = "multi_thread")]
async fn instances_together_never_use_more_than_the_limit() {
    let (_redis, store) = start().await;
    let served = Arc::new(AtomicU64::new(0));
    let mut relayers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, served) = (store.clone(), Arc::clone(&served));
        relayers.spawn(async move {
            let instance = InstanceId::random();
            let (mut used, mut held, mut number) = (0_u64, 0_u64, 0);
            for _ in 0..2_000 {
                if used == held {
                    number += 1;
                    let wanted = rand::rng().random_range(1..200);
                    let taken = slice(&store, &instance, call(number, used, held, wanted)).await;
                    if rand::rng().random_bool(0.1) {
                        continue;
                    }
                    held = taken.held;
                    if held == used {
                        break;
                    }
                }
                let more = rand::rng().random_range(0..=held - used);
                used += more;
                served.fetch_add(more, Ordering::Relaxed);
                if rand::rng().random_bool(0.1) {
                    number += 1;
                    held = slice(&store, &instance, call(number, used, used, 0)).await.held;
                }
            }
            number += 1;
            slice(&store, &instance, call(number, used, used, 0)).await;
        });
    }
    relayers.join_all().await;
    let total = served.load(Ordering::Relaxed);
    assert!(total <= 1_000, "{total}");
    let last = InstanceId::random();
    let (mut used, mut number) = (0, 0);
    loop {
        number += 1;
        let held = slice(&store, &last, call(number, used, used, 50)).await.held;
        if held == used {
            break;
        }
        used = held;
    }
    assert_eq!(total + used, 1_000, "nothing got lost");
}
