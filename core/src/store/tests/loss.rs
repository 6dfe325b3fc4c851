use std::time::Duration;

use testbed::Cut;
use tokio::time::{sleep, timeout};

use super::scene::{answering, append, assert_fenced, chain, config, own, raw, relay, relays, start, supplier};
use crate::config::Period;
use crate::store::{Append, AppendOutcome, Confirmation, InstanceId, Store, StoreConfig, StoreError};

#[tokio::test]
async fn a_power_loss_takes_the_tail_and_changes_the_incarnation() {
    let (mut redis, store) = start().await;
    let mut watch = store.watch_incarnation();
    let before = watch.borrow_and_update().clone();
    append(&store, "s1", &["old"]).await;
    sleep(Duration::from_millis(1_200)).await;
    let young = [relay("s1", "young"), relay("s2", "young too")];
    let appended = store.append(&supplier(1), &young).await.unwrap();
    assert_eq!(store.confirmation(&appended.stamp), Confirmation::Waiting);
    assert!(redis.power_loss(Cut::Last(Duration::from_millis(600))).await.unwrap() > 0);

    answering(&store).await;
    assert_eq!(relays(&store, "s1").await, ["old"]);
    assert_eq!(store.poll(&[supplier(1)]).await.unwrap()[0].sessions.len(), 1, "the session went with its only relay");
    timeout(Duration::from_secs(3), watch.changed()).await.unwrap().unwrap();
    assert_ne!(*watch.borrow_and_update(), before);

    assert_eq!(store.confirmation(&appended.stamp), Confirmation::Doubtful);
    let again = young.iter().zip(&appended.outcomes).map(|(append, outcome)| match outcome {
        AppendOutcome::Appended(id) => Append { earlier: Some(*id), ..append.clone() },
        AppendOutcome::Late => panic!("late"),
    });
    store.append(&supplier(1), &again.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(relays(&store, "s1").await, ["old", "young"]);
    assert_eq!(relays(&store, "s2").await, ["young too"]);
}

#[tokio::test]
async fn a_restart_without_loss_keeps_everything_and_is_noticed() {
    let (mut redis, store) = start().await;
    append(&store, "s1", &["a", "b"]).await;
    let lease = own(&store, &InstanceId::random()).await;
    store.put_record(&lease.fence, &supplier(1), &"s1".into(), &"kept").await.unwrap();
    let before = store.incarnation().await.unwrap();
    redis.restart().await.unwrap();
    answering(&store).await;
    assert_ne!(store.incarnation().await.unwrap(), before);
    assert_eq!(relays(&store, "s1").await, ["a", "b"]);
    assert_eq!(store.poll(&[supplier(1)]).await.unwrap()[0].sessions[0].appended, 2);
    assert_eq!(store.records::<String>(&supplier(1)).await.unwrap(), [("s1".into(), "kept".into())]);
}

#[tokio::test]
async fn a_kill_in_the_middle_of_appends_loses_none_that_was_answered() {
    let (mut redis, store) = start().await;
    let appender = store.clone();
    let appending = tokio::spawn(async move {
        let mut answered = Vec::new();
        for round in 0.. {
            let batch: Vec<Append> = (0..20).map(|at| relay("s1", &format!("{round}-{at}"))).collect();
            match appender.append(&supplier(1), &batch).await {
                Ok(_) => answered.extend(batch.into_iter().map(|append| append.relay)),
                Err(_) => break,
            }
        }
        answered
    });
    sleep(Duration::from_millis(300)).await;
    redis.restart().await.unwrap();
    let answered = appending.await.unwrap();
    assert!(answered.len() > 20, "{}", answered.len());
    answering(&store).await;
    let found = relays(&store, "s1").await;
    assert!(found.len() >= answered.len());
    assert_eq!(found.len() % 20, 0, "a batch is appended whole or not at all");
    assert_eq!(found[..answered.len()], answered[..]);
    assert_eq!(store.poll(&[supplier(1)]).await.unwrap()[0].sessions[0].appended, found.len() as u64);
}

#[tokio::test]
async fn an_emptied_redis_is_another_one() {
    let (redis, store) = start().await;
    let lease = own(&store, &InstanceId::random()).await;
    let before = store.incarnation().await.unwrap();
    let _: String = raw(&redis, &["FLUSHALL"]).await;
    let after = store.incarnation().await.unwrap();
    assert_ne!(after, before);
    assert_eq!(store.incarnation().await.unwrap(), after, "and stays that one");
    assert_fenced(store.close(&lease.fence, &supplier(1), &"s1".into()).await);
}

#[tokio::test]
async fn the_state_of_another_chain_at_run_time_is_an_error() {
    let (redis, store) = start().await;
    let _: u8 = raw(&redis, &["HSET", &store.keys().schema(), "chain_id", "other"]).await;
    assert!(matches!(store.incarnation().await, Err(StoreError::Foreign(_))));
}

#[tokio::test]
async fn a_paused_redis_costs_a_bounded_wait_and_is_used_again() {
    let (redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    redis.pause().unwrap();
    let started = std::time::Instant::now();
    for _ in 0..5 {
        let error = store.append(&supplier(1), &[relay("s1", "b")]).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    redis.resume().unwrap();
    answering(&store).await;
    append(&store, "s1", &["c"]).await;
    let found = relays(&store, "s1").await;
    assert_eq!((found.first().map(String::as_str), found.last().map(String::as_str)), (Some("a"), Some("c")));
}

#[tokio::test]
async fn silence_is_noticed() {
    let (mut redis, _) = start().await;
    let config = StoreConfig { silence: Period::from_millis(2_500), ..config(&redis) };
    let store = Store::open(config, chain()).await.unwrap();
    assert!(store.is_reachable());
    redis.kill().await.unwrap();
    sleep(Duration::from_secs(3)).await;
    assert!(!store.is_reachable());
    redis.restart().await.unwrap();
    answering(&store).await;
    assert!(store.is_reachable());
}

#[tokio::test]
async fn a_full_redis_says_so() {
    let redis = testbed::Redis::start_with(&[("maxmemory", "4mb")]).await.unwrap();
    let store = Store::open(config(&redis), chain()).await.unwrap();
    let big = "x".repeat(500_000);
    let mut outcome = Ok(());
    for _ in 0..20 {
        outcome = store.append(&supplier(1), &[relay("s1", &big)]).await.map(|_| ());
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(StoreError::Full(_))), "{outcome:?}");
    let length = store.log_length(&supplier(1), &"s1".into()).await.unwrap();
    assert_eq!(length, store.poll(&[supplier(1)]).await.unwrap()[0].sessions[0].appended, "no half-done append");
}
