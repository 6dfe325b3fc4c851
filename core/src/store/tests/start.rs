use std::time::{Duration, Instant};

use testbed::Redis;

use super::scene::{append, chain, config, open, raw, start};
use crate::config::Period;
use crate::store::{ChainIdentity, Store, StoreConfig, StoreError};

async fn refusal(redis: &Redis) -> String {
    match Store::open(config(redis), chain()).await {
        Ok(_) => panic!("accepted"),
        Err(error) => error.to_string(),
    }
}

// rule: W-15
#[tokio::test]
async fn a_redis_that_evicts_is_refused() {
    let redis = Redis::start_with(&[("maxmemory-policy", "allkeys-lru")]).await.unwrap();
    let error = refusal(&redis).await;
    assert!(error.contains("noeviction") && error.contains(&redis.port().to_string()), "{error}");
    let keys: Vec<String> = raw(&redis, &["KEYS", "*"]).await;
    assert!(keys.is_empty(), "refused before anything is written: {keys:?}");
}

#[tokio::test]
async fn a_replica_is_refused() {
    let primary = Redis::start().await.unwrap();
    let port = primary.port().to_string();
    let replica = Redis::start_with(&[("replicaof", &format!("127.0.0.1 {port}"))]).await.unwrap();
    let error = refusal(&replica).await;
    assert!(error.contains("primary"), "{error}");
}

#[tokio::test]
async fn a_missing_password_is_refused_at_once() {
    let redis = Redis::start_with(&[("requirepass", "secret")]).await.unwrap();
    let started = Instant::now();
    let error = refusal(&redis).await;
    assert!(error.contains("NOAUTH") || error.to_lowercase().contains("authentication"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(1));
    let url = format!("redis://:secret@127.0.0.1:{}", redis.port());
    Store::open(StoreConfig { url, ..config(&redis) }, chain()).await.unwrap();
}

// rule: W-15
#[tokio::test]
async fn missing_persistence_is_pointed_out() {
    let redis = Redis::start_with(&[("appendonly", "no")]).await.unwrap();
    let store = open(&redis).await;
    assert!(store.warnings().iter().any(|warning| warning.0.contains("appendonly yes")), "{:?}", store.warnings());
}

#[tokio::test]
async fn the_state_of_another_chain_is_refused() {
    let (redis, first) = start().await;
    append(&first, "s1", &["a"]).await;
    open(&redis).await;
    let open_as = |chain_id: &str, genesis: &str, prefix: &str| {
        let config = StoreConfig { prefix: prefix.into(), ..config(&redis) };
        Store::open(config, ChainIdentity { chain_id: chain_id.into(), genesis_hash: genesis.into() })
    };
    for (chain_id, genesis) in [("pocket-beta", "AB01"), ("pocket", "CD02")] {
        let error = open_as(chain_id, genesis, "test").await.unwrap_err();
        assert!(matches!(&error, StoreError::Foreign(text) if text.contains("another prefix")), "{error}");
    }
    open_as("pocket-beta", "AB01", "beta").await.unwrap();

    let _: u8 = raw(&redis, &["HSET", &first.keys().schema(), "layout", "2"]).await;
    assert!(matches!(Store::open(config(&redis), chain()).await, Err(StoreError::Foreign(_))));
}

#[tokio::test]
async fn a_redis_that_comes_late_is_waited_for() {
    let mut redis = Redis::start().await.unwrap();
    redis.kill().await.unwrap();
    let config = StoreConfig { open_timeout: Period::from_secs(10), ..config(&redis) };
    let opening = tokio::spawn(Store::open(config, chain()));
    tokio::time::sleep(Duration::from_millis(500)).await;
    redis.restart().await.unwrap();
    opening.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_redis_that_never_comes_is_named() {
    let mut redis = Redis::start().await.unwrap();
    redis.kill().await.unwrap();
    let error = Store::open(StoreConfig { open_timeout: Period::from_millis(300), ..config(&redis) }, chain()).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains(&redis.port().to_string()), "{error}");
}

#[tokio::test]
async fn settings_that_make_no_sense_are_explained() {
    let redis = Redis::start().await.unwrap();
    let with = |change: fn(&mut StoreConfig)| {
        let mut config = config(&redis);
        change(&mut config);
        Store::open(config, chain())
    };
    assert!(matches!(with(|config| config.url = "localhost:6379".into()).await, Err(StoreError::Url(_))));
    assert!(matches!(with(|config| config.prefix = "a{b}".into()).await, Err(StoreError::Prefix(_))));
}
