//! Sentinels choose another primary.

use std::time::Duration;

use testbed::Sentinel;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::scene::{append, chain, own, relay, relays, supplier};
use crate::config::Period;
use crate::store::{
    Append, AppendOutcome, Appended, Confirmation, InstanceId, Store, StoreConfig, StoreError, inspect,
};

const LIMIT: Duration = Duration::from_mins(1);

fn config(sentinel: &Sentinel) -> StoreConfig {
    StoreConfig {
        url: sentinel.url(),
        prefix: "test".into(),
        response_timeout: Period::from_secs(1),
        ..StoreConfig::default()
    }
}

async fn open(sentinel: &Sentinel) -> Store {
    Store::open(config(sentinel), chain()).await.unwrap()
}

/// Appends what a relayer would: the same batch again and again until it is answered, for as long as this is wanted.
async fn append_until(store: Store, stop: CancellationToken) -> Vec<(Vec<Append>, Appended)> {
    let mut answered = Vec::new();
    for round in 0.. {
        let batch: Vec<Append> = (0..20).map(|at| relay("s1", &format!("{round}-{at}"))).collect();
        loop {
            if stop.is_cancelled() {
                return answered;
            }
            match store.append(&supplier(1), &batch).await {
                Ok(appended) => break answered.push((batch, appended)),
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
        sleep(Duration::from_millis(10)).await;
    }
    answered
}

/// Appends again what is in doubt, as a relayer does.
async fn append_doubtful(store: &Store, answered: &[(Vec<Append>, Appended)]) -> usize {
    let mut again = 0;
    for (batch, appended) in answered {
        if store.confirmation(&appended.stamp) != Confirmation::Doubtful {
            continue;
        }
        let earlier = batch.iter().zip(&appended.outcomes).map(|(append, outcome)| match outcome {
            AppendOutcome::Appended(id) => Append { earlier: Some(*id), ..append.clone() },
            AppendOutcome::Late => panic!("late"),
        });
        store.append(&supplier(1), &earlier.collect::<Vec<_>>()).await.unwrap();
        again += 1;
    }
    again
}

fn missing(answered: &[(Vec<Append>, Appended)], found: &[String]) -> usize {
    let found: std::collections::HashSet<&[u8]> = found.iter().map(String::as_bytes).collect();
    answered.iter().flat_map(|(batch, _)| batch).filter(|append| !found.contains(append.relay.as_ref())).count()
}

/// Entries of session s1 on one of the servers.
async fn length(sentinel: &Sentinel, server: usize, store: &Store) -> usize {
    let log = store.keys().log(&supplier(1), &"s1".into());
    sentinel.servers()[server].ask(&["XLEN", &log]).await.unwrap()[0].parse().unwrap()
}

async fn changed(watch: &mut tokio::sync::watch::Receiver<crate::store::Incarnation>) {
    tokio::time::timeout(LIMIT, watch.changed()).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appends_go_on_with_the_next_primary_and_none_is_lost() {
    let mut sentinel = Sentinel::start(2, 3, &[]).await.unwrap();
    let (store, other) = (open(&sentinel).await, open(&sentinel).await);
    let (mut ours, mut theirs) = (store.watch_incarnation(), other.watch_incarnation());
    let before = (ours.borrow_and_update().clone(), theirs.borrow_and_update().clone());
    assert_eq!(before.0, before.1);
    let stop = CancellationToken::new();
    let appending = tokio::spawn(append_until(store.clone(), stop.clone()));
    sleep(Duration::from_millis(500)).await;

    let first = sentinel.primary().await.unwrap();
    sentinel.server(first).kill().await.unwrap();
    let second = sentinel.wait_for_fail_over(first).await.unwrap();
    changed(&mut ours).await;
    changed(&mut theirs).await;
    sleep(Duration::from_millis(500)).await;
    stop.cancel();
    let answered = appending.await.unwrap();

    assert_eq!(*ours.borrow(), *theirs.borrow(), "all see the same new incarnation");
    assert_ne!(*ours.borrow(), before.0);
    assert!(append_doubtful(&store, &answered).await > 0, "what was answered by the first is in doubt");
    assert_eq!(missing(&answered, &relays(&store, "s1").await), 0);
    assert!(length(&sentinel, second, &store).await >= 20 * answered.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lagging_replica_that_takes_over_costs_nothing_that_is_appended_again() {
    let mut sentinel = Sentinel::start(1, 1, &[]).await.unwrap();
    let store = open(&sentinel).await;
    append(&store, "s1", &["old"]).await;
    while length(&sentinel, 1, &store).await != 1 {
        sleep(Duration::from_millis(20)).await;
    }
    let mut watch = store.watch_incarnation();
    watch.borrow_and_update();
    // The replica hears nothing of what comes now.
    sentinel.servers()[1].pause().unwrap();
    sentinel.servers()[0].ask(&["CLIENT", "KILL", "TYPE", "replica"]).await.unwrap();
    let young = [relay("s1", "young"), relay("s2", "young too")];
    let appended = store.append(&supplier(1), &young).await.unwrap();
    let lease = own(&store, &InstanceId::random()).await;
    sentinel.server(0).kill().await.unwrap();
    sentinel.servers()[1].resume().unwrap();
    sentinel.wait_for_fail_over(0).await.unwrap();
    changed(&mut watch).await;

    assert_eq!(relays(&store, "s1").await, ["old"]);
    assert_eq!(store.confirmation(&appended.stamp), Confirmation::Doubtful);
    let lost = store.close(&lease.fence, &supplier(1), &"s1".into()).await;
    assert_eq!(lost, Err(StoreError::FenceLost), "a lease that the new primary never heard of allows nothing");
    append_doubtful(&store, &[(young.to_vec(), appended)]).await;
    assert_eq!(relays(&store, "s1").await, ["old", "young"]);
    assert_eq!(relays(&store, "s2").await, ["young too"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_deposed_alive_is_left() {
    let sentinel = Sentinel::start(1, 1, &[]).await.unwrap();
    let store = open(&sentinel).await;
    append(&store, "s1", &["a"]).await;
    let mut watch = store.watch_incarnation();
    watch.borrow_and_update();
    let stop = CancellationToken::new();
    let appending = tokio::spawn(append_until(store.clone(), stop.clone()));
    let second = sentinel.fail_over().await.unwrap();
    changed(&mut watch).await;
    sleep(Duration::from_millis(500)).await;
    stop.cancel();
    let answered = appending.await.unwrap();
    append_doubtful(&store, &answered).await;
    let found = relays(&store, "s1").await;
    assert_eq!(missing(&answered, &found), 0);
    assert_eq!(length(&sentinel, second, &store).await, found.len(), "it writes to the new one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_primary_is_left_and_not_believed_when_it_wakes_up() {
    let sentinel = Sentinel::start(1, 1, &[]).await.unwrap();
    let store = open(&sentinel).await;
    append(&store, "s1", &["a"]).await;
    let limit = Instant::now() + LIMIT;
    while length(&sentinel, 1, &store).await == 0 {
        assert!(Instant::now() < limit, "the replica never got it");
        sleep(Duration::from_millis(20)).await;
    }
    sentinel.servers()[0].pause().unwrap();
    let second = sentinel.wait_for_fail_over(0).await.unwrap();
    assert_eq!(second, 1);
    sentinel.servers()[0].resume().unwrap();
    let limit = Instant::now() + LIMIT;
    let mut tried = 0_u32;
    while length(&sentinel, 1, &store).await == 1 {
        tried += 1;
        let _ = store.append(&supplier(1), &[relay("s1", &format!("b{tried}"))]).await;
        assert!(Instant::now() < limit, "never reached the new primary");
        sleep(Duration::from_millis(50)).await;
    }
    assert!(relays(&store, "s1").await.starts_with(&["a".to_owned()]));
}

#[tokio::test]
async fn sentinels_that_know_no_such_primary_say_so() {
    let sentinel = Sentinel::start(0, 1, &[]).await.unwrap();
    let url = sentinel.url().replace("/pool", "/other");
    let config = StoreConfig { url, open_timeout: Period::from_millis(300), ..config(&sentinel) };
    let error = Store::open(config, chain()).await.unwrap_err();
    assert!(error.is_transient() && error.to_string().contains("`other`"), "{error}");
}

#[tokio::test]
async fn passwords_of_servers_and_sentinels_are_two() {
    let sentinel = Sentinel::start(0, 1, &[]).await.unwrap();
    sentinel.servers()[0].ask(&["CONFIG", "SET", "requirepass", "data-secret"]).await.unwrap();
    let url = sentinel.url().replace("://", "://:data-secret@");
    inspect(&StoreConfig { url, ..config(&sentinel) }, Some(&chain())).await.unwrap();
    let url = sentinel.url().replace("://", "://:wrong-secret@");
    let error = inspect(&StoreConfig { url, ..config(&sentinel) }, None).await.unwrap_err();
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_look_through_sentinels_changes_nothing_and_names_the_primary() {
    let sentinel = Sentinel::start(1, 1, &[]).await.unwrap();
    let found = inspect(&config(&sentinel), Some(&chain())).await.unwrap();
    assert!(found.address.ends_with(&sentinel.servers()[0].port().to_string()), "{}", found.address);
    assert!(!found.in_use);
    assert!(sentinel.servers()[0].ask(&["KEYS", "*"]).await.unwrap().is_empty());
}
