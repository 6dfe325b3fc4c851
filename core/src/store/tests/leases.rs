//! Many leases in one round trip.

use super::scene::{raw, start, supplier};
use crate::address::Address;
use crate::store::{Acquisition, InstanceId, Lease};

fn suppliers() -> Vec<Address> {
    (0..150).map(supplier).collect()
}

fn acquired(outcomes: Vec<Acquisition>) -> Vec<Lease> {
    let acquired = |outcome| match outcome {
        Acquisition::Acquired(lease) => Some(lease),
        Acquisition::HeldBy { .. } => None,
    };
    outcomes.into_iter().filter_map(acquired).collect()
}

/// Reads that the server made from its sockets.
async fn round_trips(redis: &testbed::Redis) -> u64 {
    let stats: String = raw(redis, &["INFO", "stats"]).await;
    let line = stats.lines().find_map(|line| line.strip_prefix("total_reads_processed:"));
    line.unwrap().trim().parse().unwrap()
}

// rule: W-10, C-16
#[tokio::test]
async fn leases_of_all_suppliers_take_a_handful_of_round_trips() {
    let (redis, store) = start().await;
    let (one, two) = (InstanceId::random(), InstanceId::random());
    let all = suppliers();
    let leases = acquired(store.acquire_all(&all, &one).await.unwrap());
    assert_eq!(leases.len(), all.len());
    let before = round_trips(&redis).await;
    let renewed = store.renew(&leases).await.unwrap();
    let took = round_trips(&redis).await - before;
    assert!(renewed.iter().all(Option::is_some));
    assert!(took < 20, "{took} reads of the server for {} renewals", all.len());

    assert!(acquired(store.acquire_all(&all, &two).await.unwrap()).is_empty(), "they are held");
    store.release(&leases[..100]).await.unwrap();
    let holders = store.holders(&all).await.unwrap();
    assert!(holders[..100].iter().all(Option::is_none));
    assert!(holders[100..].iter().flatten().all(|fence| fence.instance == one));
    let taken = acquired(store.acquire_all(&all, &two).await.unwrap());
    assert_eq!(taken.len(), 100);
    assert!(taken.iter().all(|lease| lease.fence.instance == two && lease.fence.epoch == 2));
}
