//! Redis full, held up, loading, or without its replicas.

use std::time::{Duration, Instant};

use testbed::{Redis, Sentinel};
use tokio::time::sleep;

use super::scene::{append, chain, config, open, own, raw, relay, relays, session, start, supplier};
use crate::config::Period;
use crate::store::{Append, Confirmation, Durability, InstanceId, Store, StoreConfig, StoreError};

const LIMIT: Duration = Duration::from_mins(1);

// rule: H-30, C-14
#[tokio::test]
async fn leases_outlive_a_full_redis_and_work_goes_on_after_it() {
    let redis = Redis::start().await.unwrap();
    let store = Store::open(StoreConfig { lease: Period::from_secs(2), ..config(&redis) }, chain()).await.unwrap();
    append(&store, "s1", &["before"]).await;
    let (first, second) = (InstanceId::random(), InstanceId::random());
    let mut leases = vec![own(&store, &first).await];
    redis.fill().await.unwrap();
    let full = Instant::now();
    while full.elapsed() < Duration::from_secs(4) {
        let error = store.append(&supplier(1), &[relay("s1", "refused")]).await.unwrap_err();
        assert!(matches!(error, StoreError::Full(_)) && error.is_transient(), "{error}");
        assert!(error.to_string().contains("maxmemory"), "it says what to do: {error}");
        leases = store.renew(&leases).await.unwrap().into_iter().flatten().collect();
        assert_eq!(leases.len(), 1, "lost after {:?}", full.elapsed());
        let error = store.acquire(&supplier(2), &second).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        sleep(Duration::from_millis(300)).await;
    }
    redis.drain().await.unwrap();
    append(&store, "s1", &["after"]).await;
    assert_eq!(relays(&store, "s1").await, ["before", "after"]);
    store.close(&leases[0].fence, &supplier(1), &"s1".into()).await.unwrap();
}

#[tokio::test]
async fn a_redis_that_holds_its_clients_up_costs_bounded_waits() {
    let (redis, store) = start().await;
    append(&store, "s1", &["a"]).await;
    redis.client_pause(Duration::from_secs(3)).await.unwrap();
    let held = Instant::now();
    while held.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        let error = store.append(&supplier(1), &[relay("s1", "b")]).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    }
    while store.append(&supplier(1), &[relay("s1", "c")]).await.is_err() {
        assert!(held.elapsed() < LIMIT, "it never goes on");
    }
    let found = relays(&store, "s1").await;
    assert_eq!((found.first().map(String::as_str), found.last().map(String::as_str)), (Some("a"), Some("c")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_still_loads_is_waited_for() {
    let (mut redis, store) = start().await;
    let relays: Vec<String> = (0..300).map(|number| format!("{number:01000}")).collect();
    for (number, relay) in relays.iter().enumerate() {
        let append = Append { session: session(&format!("s{number}")), ..super::scene::relay("s", relay) };
        store.append(&supplier(1), &[append]).await.unwrap();
    }
    // A base file is loaded key by key, and answers in between, at a pace that a test can see.
    let _: String = raw(&redis, &["BGREWRITEAOF"]).await;
    let rewritten = |info: String| info.contains("aof_rewrite_in_progress:0") && info.contains("aof_rewrites:1");
    while !rewritten(raw(&redis, &["INFO", "persistence"]).await) {
        sleep(Duration::from_millis(20)).await;
    }
    redis.set_option("key-load-delay", "10000");
    redis.set_option("loading-process-events-interval-bytes", "1024");
    let config = config(&redis);
    let restarting = tokio::spawn(async move {
        redis.restart().await.unwrap();
        redis
    });
    let started = Instant::now();
    let mut loading = 0;
    loop {
        match store.append(&supplier(1), &[relay("new", "x")]).await {
            Err(StoreError::Loading) => loading += 1,
            Err(error) => assert!(error.is_transient(), "{error}"),
            Ok(_) if loading > 0 => break,
            Ok(_) => {}
        }
        assert!(started.elapsed() < LIMIT, "seen loading {loading} times");
        sleep(Duration::from_millis(20)).await;
    }
    let _redis = restarting.await.unwrap();
    Store::open(config, chain()).await.unwrap();
    assert_eq!(store.poll(&[supplier(1)]).await.unwrap()[0].sessions.len(), 301);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_replica_has_is_not_durable_where_one_may_take_over() {
    let mut sentinel = Sentinel::start(1, 1, &[]).await.unwrap();
    let config = StoreConfig {
        url: sentinel.url(),
        prefix: "test".into(),
        confirm_after: Period::from_secs(1),
        barrier: Period::from_millis(1_500),
        ..StoreConfig::default()
    };
    let store = Store::open(config, chain()).await.unwrap();
    assert_eq!(store.barrier().await.unwrap(), Durability::Waited);
    // The replica is connected, and silent.
    sentinel.servers()[1].pause().unwrap();
    let stamp = store.append(&supplier(1), &[relay("s1", "a")]).await.unwrap().stamp;
    let written = Instant::now();
    let error = store.barrier().await.unwrap_err();
    assert!(matches!(&error, StoreError::NotDurable(text) if text.contains("replica")), "{error}");
    assert!(written.elapsed() > Duration::from_secs(4));
    assert_eq!(store.confirmation(&stamp), Confirmation::Waiting, "it is on the primary's disk, and only there");
    sentinel.servers()[1].resume().unwrap();
    while store.confirmation(&stamp) != Confirmation::Durable {
        assert!(written.elapsed() < LIMIT, "{:?}", store.confirmation(&stamp));
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.barrier().await.unwrap(), Durability::Waited);
    // Without a replica a claim is not held back, but nothing is promised either.
    sentinel.server(1).kill().await.unwrap();
    assert_eq!(store.barrier().await.unwrap(), Durability::Unproven);
}

// rule: W-08
#[tokio::test]
async fn a_few_connections_serve_any_number_of_suppliers() {
    let (redis, store) = start().await;
    let suppliers: Vec<_> = (0..200).map(supplier).collect();
    for supplier in &suppliers {
        store.append(supplier, &[relay("s1", "a")]).await.unwrap();
    }
    let reading = suppliers.iter().map(|supplier| {
        let store = store.clone();
        async move { store.read_log(supplier, &"s1".into(), None, 10).await.unwrap().len() }
    });
    let lengths = futures::future::join_all(reading).await;
    assert_eq!(lengths.iter().sum::<usize>(), 200);
    assert_eq!(store.poll(&suppliers).await.unwrap().len(), 200);
    store.barrier().await.unwrap();
    let clients: String = raw(&redis, &["CLIENT", "LIST", "TYPE", "normal"]).await;
    let ours = clients.lines().filter(|line| !line.contains("cmd=client")).count();
    assert!(ours <= 4, "{clients}");
    drop(open(&redis).await);
}
