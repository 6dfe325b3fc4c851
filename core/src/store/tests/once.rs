use std::time::Duration;

use super::scene::{raw, start};
use crate::store::StoreError;

#[tokio::test]
async fn a_simulated_relay_is_marked_once_for_a_while() {
    let (redis, store) = start().await;
    let keep = Duration::from_millis(400);
    assert!(store.mark_simulated(&[1; 32], keep).await.unwrap());
    assert!(!store.mark_simulated(&[1; 32], keep).await.unwrap());
    assert!(store.mark_simulated(&[2; 32], keep).await.unwrap());
    let left: i64 = raw(&redis, &["PTTL", &store.keys().simulated(&[1; 32])]).await;
    assert!((1..=400).contains(&left), "{left} ms");
    tokio::time::sleep(keep).await;
    assert!(store.mark_simulated(&[1; 32], keep).await.unwrap(), "forgotten");
}

#[tokio::test]
async fn without_redis_nobody_can_say_whether_it_was_served() {
    let (mut redis, store) = start().await;
    store.ping().await.unwrap();
    redis.kill().await.unwrap();
    let error = store.mark_simulated(&[1; 32], Duration::from_mins(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. } | StoreError::TimedOut { .. }), "{error}");
    assert!(store.ping().await.is_err());
}
