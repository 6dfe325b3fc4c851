use std::time::Duration;

use tokio::time::sleep;

use super::scene::{append, assert_fenced, chain, config, dump, own, raw, start, supplier};
use crate::clock::Clock;
use crate::config::Period;
use crate::store::{
    Acquisition, EntryId, Fence, Incarnation, InstanceId, Lease, Seal, Sealed, Store, StoreConfig, StoreError,
};

async fn short_leases(redis: &testbed::Redis, clock: Clock) -> Store {
    let config = StoreConfig { lease: Period::from_millis(300), ..config(redis) };
    Store::open_with_clock(config, chain(), clock).await.unwrap()
}

fn seal(last: EntryId, root: u8, incarnation: Incarnation) -> Seal {
    Seal { last, count: 2, sum: 84, root: [root; 48], incarnation }
}

/// Everything that a fence guards.
async fn assert_all_writes_fenced(store: &Store, fence: &Fence, last: EntryId) {
    let (supplier, session) = (supplier(1), "s1".into());
    let seal = seal(last, 9, store.incarnation().await.unwrap());
    assert_fenced(store.put_record(fence, &supplier, &session, &"stale").await);
    assert_fenced(store.close(fence, &supplier, &session).await);
    assert_fenced(store.seal(fence, &supplier, &session, &seal).await);
    assert_fenced(store.put_tx(fence, &supplier, "AA", b"stale", std::slice::from_ref(&session)).await);
    assert_fenced(store.finish(fence, &supplier, &session).await);
}

// rule: D-45, O-14, W-03
#[tokio::test]
async fn one_owner_at_a_time() {
    let (_redis, store) = start().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    let lease = own(&store, &one).await;
    match store.acquire(&supplier(1), &two).await.unwrap() {
        Acquisition::HeldBy { fence, remaining } => {
            assert_eq!(fence, lease.fence);
            assert!(remaining > Duration::from_secs(3) && remaining <= Duration::from_secs(6), "{remaining:?}");
        }
        Acquisition::Acquired(lease) => panic!("{lease:?}"),
    }
    assert!(matches!(store.acquire(&supplier(2), &two).await.unwrap(), Acquisition::Acquired(_)), "another supplier");

    store.release(std::slice::from_ref(&lease)).await.unwrap();
    let next = own(&store, &two).await;
    assert_eq!(next.fence.epoch, lease.fence.epoch + 1);
    assert!(!next.fence.continues(&lease.fence), "another instance");
    store.release(&[lease]).await.unwrap();
    assert_eq!(
        store.renew(std::slice::from_ref(&next)).await.unwrap()[0].as_ref().unwrap().fence,
        next.fence,
        "a stale release"
    );
}

// rule: D-45, O-15, W-03, H-15, H-16
#[tokio::test]
async fn a_stale_owner_changes_nothing() {
    let (redis, _) = start().await;
    let store = short_leases(&redis, Clock::system()).await;
    let last = *append(&store, "s1", &["a", "b"]).await.last().unwrap();
    let stale = own(&store, &InstanceId::random()).await;
    sleep(Duration::from_millis(400)).await;
    assert_all_writes_fenced(&store, &stale.fence, last).await;

    let owner = own(&store, &InstanceId::random()).await;
    let before = dump(&redis).await;
    assert_all_writes_fenced(&store, &stale.fence, last).await;
    let renewed = store.renew(&[stale, owner]).await.unwrap();
    assert!(renewed[0].is_none());
    assert!(renewed[1].is_some(), "its renewal is not lost with the other's");
    assert_eq!(dump(&redis).await, before);
}

#[tokio::test]
async fn equal_epochs_of_different_tenures_are_told_apart() {
    let (redis, store) = start().await;
    let last = append(&store, "s1", &["a"]).await[0];
    let instance = InstanceId::random();
    let first = own(&store, &instance).await;
    // What a Redis does that lost its tail: it has forgotten the tenure and counts from where it was.
    let _: u8 = raw(&redis, &["DEL", &store.keys().lease(&supplier(1)), &store.keys().epoch(&supplier(1))]).await;
    let second = own(&store, &instance).await;
    assert_eq!(first.fence.epoch, second.fence.epoch);
    assert_ne!(first.fence, second.fence);
    assert_all_writes_fenced(&store, &first.fence, last).await;
    store.put_record(&second.fence, &supplier(1), &"s1".into(), &1).await.unwrap();
}

// rule: O-02, W-04
#[tokio::test]
async fn acquiring_anew_voids_the_own_old_token() {
    let (_redis, store) = start().await;
    let last = append(&store, "s1", &["a"]).await[0];
    let instance = InstanceId::random();
    let first = own(&store, &instance).await;
    let second = own(&store, &instance).await;
    assert!(second.fence.continues(&first.fence));
    // One whose answer nobody heard changes nothing about that.
    let _unheard = own(&store, &instance).await;
    let fourth = own(&store, &instance).await;
    assert!(fourth.fence.continues(&first.fence) && fourth.fence.continues(&second.fence));
    assert!(!first.fence.continues(&fourth.fence));
    store.release(std::slice::from_ref(&fourth)).await.unwrap();
    let other = own(&store, &InstanceId::random()).await;
    store.release(&[other]).await.unwrap();
    let fifth = own(&store, &instance).await;
    assert!(!fifth.fence.continues(&fourth.fence), "somebody came between");
    assert_eq!(fifth.fence.to_string().parse::<Fence>().unwrap(), fifth.fence);
    assert_all_writes_fenced(&store, &first.fence, last).await;
    assert!(store.renew(&[first]).await.unwrap()[0].is_none());
}

// rule: O-02
#[tokio::test]
async fn a_missed_renewal_is_never_made_up_for() {
    let (redis, store) = start().await;
    let slow: Lease = own(&store, &InstanceId::random()).await;
    // To this process, whose clock runs faster, the lease is over long before Redis thinks so.
    let fast = Store::open_with_clock(config(&redis), chain(), Clock::skewed("monotonic:100x".parse().unwrap()))
        .await
        .unwrap();
    fast.release(&[slow]).await.unwrap();
    let lease = own(&fast, &InstanceId::random()).await;
    assert!(lease.lasts(fast.clock().monotonic()));
    sleep(Duration::from_millis(100)).await;
    assert!(!lease.lasts(fast.clock().monotonic()));
    assert!(fast.renew(std::slice::from_ref(&lease)).await.unwrap()[0].is_none());
    let held: String = raw(&redis, &["GET", &store.keys().lease(&supplier(1))]).await;
    assert_eq!(held, lease.fence.to_string(), "Redis still has it in that name");
}

#[tokio::test]
async fn renewals_keep_a_lease_beyond_its_life_and_its_end_frees_it() {
    let (redis, _) = start().await;
    let store = short_leases(&redis, Clock::system()).await;
    let mut lease = own(&store, &InstanceId::random()).await;
    for _ in 0..5 {
        sleep(Duration::from_millis(120)).await;
        lease = store.renew(&[lease]).await.unwrap().pop().unwrap().expect("renewed in time");
    }
    let rival = InstanceId::random();
    assert!(matches!(store.acquire(&supplier(1), &rival).await.unwrap(), Acquisition::HeldBy { .. }));
    sleep(Duration::from_millis(400)).await;
    own(&store, &rival).await;
}

// rule: I-13, C-10
#[tokio::test]
async fn two_owners_racing_to_seal_agree_on_one_root() {
    let (redis, _) = start().await;
    let store = short_leases(&redis, Clock::system()).await;
    let last = *append(&store, "s1", &["a", "b"]).await.last().unwrap();
    let incarnation = store.incarnation().await.unwrap();
    let (session, first) = ("s1".into(), own(&store, &InstanceId::random()).await);
    let ours = seal(last, 1, incarnation.clone());
    assert_eq!(store.seal(&first.fence, &supplier(1), &session, &ours).await, Err(StoreError::NotClosed));
    store.close(&first.fence, &supplier(1), &session).await.unwrap();

    sleep(Duration::from_millis(400)).await;
    let second = own(&store, &InstanceId::random()).await;
    let theirs = seal(last, 2, incarnation);
    let owned = supplier(1);
    let (late, sealed) = tokio::join!(
        store.seal(&first.fence, &owned, &session, &ours),
        store.seal(&second.fence, &owned, &session, &theirs),
    );
    assert_fenced(late);
    assert_eq!(sealed.unwrap(), Sealed::Created);

    let third = own(&store, &second.fence.instance).await;
    let outcome = store.seal(&third.fence, &supplier(1), &session, &ours).await.unwrap();
    assert_eq!(outcome, Sealed::Existing(theirs.clone()), "adopted, not replaced");
    assert_eq!(store.read_seal(&supplier(1), &session).await.unwrap(), Some(theirs));
}

#[tokio::test]
async fn a_seal_names_the_last_entry_of_the_log() {
    let (_redis, store) = start().await;
    let ids = append(&store, "s1", &["a", "b"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    store.close(&lease.fence, &supplier(1), &"s1".into()).await.unwrap();
    let early = seal(ids[0], 1, store.incarnation().await.unwrap());
    let refused = store.seal(&lease.fence, &supplier(1), &"s1".into(), &early).await;
    assert_eq!(refused, Err(StoreError::LogMoved(ids[1].to_string())));
    assert_eq!(store.read_seal(&supplier(1), &"s1".into()).await.unwrap(), None);
}
