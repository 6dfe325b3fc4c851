use std::time::{Duration, Instant};

use testbed::{Cut, Redis};
use tokio::time::sleep;

use super::scene::{answering, append, chain, config, open, relay, relays, start, supplier};
use crate::config::Period;
use crate::store::{Confirmation, Durability, Store, StoreConfig, StoreError};

#[tokio::test]
async fn what_was_there_before_a_barrier_survives_a_power_loss() {
    let (mut redis, store) = start().await;
    append(&store, "s1", &["before"]).await;
    let started = Instant::now();
    let durability = store.barrier().await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(6));
    append(&store, "s1", &["after"]).await;
    let usual_loss = match durability {
        // The file system has it; only the time since the sync counts.
        Durability::Confirmed => Duration::from_millis(5),
        Durability::Waited | Durability::Unproven => Duration::from_secs(2),
    };
    redis.power_loss(Cut::Last(usual_loss)).await.unwrap();
    answering(&store).await;
    assert_eq!(relays(&store, "s1").await, ["before"]);
}

#[tokio::test]
async fn a_barrier_fails_when_redis_restarts_meanwhile() {
    let (mut redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { store.barrier().await }
    });
    sleep(Duration::from_millis(50)).await;
    redis.restart().await.unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(error, StoreError::NotDurable(_) | StoreError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn no_barrier_is_needed_where_every_write_is_synced() {
    let redis = Redis::start_with(&[("appendfsync", "always")]).await.unwrap();
    let store = open(&redis).await;
    let started = Instant::now();
    assert_eq!(store.barrier().await.unwrap(), Durability::Confirmed);
    assert!(started.elapsed() < Duration::from_millis(100));
}

#[tokio::test]
async fn without_a_file_nothing_is_proven() {
    let redis = Redis::start_with(&[("appendonly", "no")]).await.unwrap();
    let store = Store::open(StoreConfig { barrier: Period::from_millis(50), ..config(&redis) }, chain()).await.unwrap();
    assert_eq!(store.barrier().await.unwrap(), Durability::Unproven);
}

#[tokio::test]
async fn an_append_is_durable_once_redis_was_the_same_for_long_enough() {
    let redis = Redis::start().await.unwrap();
    let config = StoreConfig { confirm_after: Period::from_secs(3), ..config(&redis) };
    let store = Store::open(config, chain()).await.unwrap();
    let stamp = store.append(&supplier(1), &[relay("s1", "a")]).await.unwrap().stamp;
    let written = Instant::now();
    assert_eq!(store.confirmation(&stamp), Confirmation::Waiting);
    while store.confirmation(&stamp) != Confirmation::Durable {
        assert!(written.elapsed() < Duration::from_secs(10), "never");
        assert_eq!(store.confirmation(&stamp), Confirmation::Waiting);
        sleep(Duration::from_millis(50)).await;
    }
    // A Redis that confirms by itself may be faster.
    assert!(written.elapsed() > Duration::from_secs(3) || store.barrier().await.unwrap() == Durability::Confirmed);
}
