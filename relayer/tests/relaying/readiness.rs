use std::time::Duration;

use relay_core::config::Period;
use serde_json::Value;

use super::stage::{Running, Stage, still, within};

/// Waits until the check `name` has the outcome `ready`, and the whole is not ready unless all checks are.
async fn until(running: &Running, name: &str, ready: bool) -> String {
    within(async {
        loop {
            let (status, text) = running.get("/ready").await;
            let body: Value = serde_json::from_str(&text).unwrap();
            let checks = body["checks"].as_array().unwrap();
            let all = checks.iter().all(|check| check["ready"] == true);
            assert_eq!((status == 200, body["ready"] == true), (all, all), "{text}");
            if let Some(check) = checks.iter().find(|check| check["name"] == name && check["ready"] == ready) {
                return check["message"].as_str().unwrap().to_owned();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

// rule: D-01
#[tokio::test(flavor = "multi_thread")]
async fn without_keys_it_is_not_ready_until_one_arrives() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().to_owned();
    let waiting = stage.start_another(|config| config.keys.directory = Some(keys.clone())).await;
    until(&waiting, "redis", true).await;
    let message = until(&waiting, "keys", false).await;
    assert_eq!(message, "0 loaded, 0 files refused");
    std::fs::write(keys.join("pokt1qurswpc8qurswpc8qurswpc8qurswpc8w4cwue"), "not a key").unwrap();
    within(async {
        while until(&waiting, "keys", false).await != "0 loaded, 1 files refused" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let key = &stage.chain.account("supplier1").unwrap().private_key;
    std::fs::write(keys.join(stage.supplier().as_str()), key).unwrap();
    until(&waiting, "keys", true).await;
    waiting.until_ready().await;
    let supplier = *stage.key("supplier1").public_key();
    stage.client.send(&waiting.url(), &stage.relay(1).await, &supplier).await.unwrap();
}

// rule: D-01
#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_keys_or_a_directory_that_is_missing_ends_it() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("keys.yaml");
    std::fs::write(&list, "keys: []\n").unwrap();
    let mut config = stage.config();
    (config.keys.file, config.keys.directory) = (Some(list), None);
    let error = relayer::Relayer::bind(config, None).await.unwrap_err().to_string();
    assert!(error.contains("no keys; give at least one"), "{error}");
    let mut config = stage.config();
    config.keys.directory = Some(folder.path().join("absent"));
    let error = relayer::Relayer::bind(config, None).await.unwrap_err().to_string();
    assert!(error.contains("absent"), "{error}");
}

// rule: D-43
#[tokio::test(flavor = "multi_thread")]
async fn a_key_under_a_wrong_address_is_not_used() {
    let stage = Stage::with(still().suppliers(2), |_| {}).await;
    let folder = tempfile::tempdir().unwrap();
    let key = |name: &str| stage.chain.account(name).unwrap().private_key.clone();
    let file = |name: &str| folder.path().join(stage.key(name).address().as_str());
    std::fs::write(file("supplier1"), key("supplier1")).unwrap();
    std::fs::write(file("supplier2"), key("app1")).unwrap();
    let keys = folder.path().to_owned();
    let running = stage.another(|config| config.keys.directory = Some(keys.clone())).await;
    assert_eq!(until(&running, "keys", true).await, "1 loaded, 1 files refused");
    let (session, to) = (stage.session().await, stage.key("supplier2"));
    let payload = super::stage::payload(1);
    let request =
        relay_core::client::sign_request(&session.header, &session.ring, to.address(), payload, &stage.key("app1"))
            .unwrap();
    let refused = stage.client.send(&running.url(), &request, to.public_key()).await.unwrap_err().to_string();
    assert!(refused.contains("not registered with any miner"), "{refused}");
}

// rule: D-05, G-02
#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_redis_blocks_and_the_drain() {
    let stage = Stage::with(still(), |config| config.drain.delay = Period::from_secs(2)).await;
    let running = &stage.running;
    stage.redis.pause().unwrap();
    until(running, "redis", false).await;
    assert_eq!(running.get("/health").await.0, 200, "alive all the same: a restart would not help");
    stage.redis.resume().unwrap();
    until(running, "redis", true).await;
    running.until_ready().await;

    // No further block comes, so the newest one grows too old.
    let late = stage.start_another(|config| config.max_block_age = Period::from_millis(500)).await;
    until(&late, "chain", false).await;
    stage.chain.advance(1).await.unwrap();
    until(&late, "chain", true).await;

    until(running, "publisher", true).await;
    running.shutdown.cancel();
    until(running, "drain", false).await;
}

// rule: D-05, G-02
#[tokio::test(flavor = "multi_thread")]
async fn readiness_needs_a_node_that_can_be_reached() {
    let stage = Stage::new().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = stage
        .another(|config| {
            for service in config.services.values_mut() {
                *service = relayer::config::ServiceConfig::json_rpc(format!("http://{closed}"), Period::from_secs(5));
            }
        })
        .await;
    let supplier = *stage.key("supplier1").public_key();
    for number in 0..20 {
        let _ = stage.client.send(&running.url(), &stage.relay(number).await, &supplier).await;
    }
    let message = until(&running, "backends", false).await;
    assert_eq!(message, "0 of 1 services have a healthy backend");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_chain_or_redis_ends_at_once_when_told() {
    let stage = Stage::new().await;
    // Connects, and then never says anything: both wait for an answer that does not come.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    for chain in [true, false] {
        let waiting = stage
            .start_another(|config| {
                if chain {
                    config.chain.nodes[0].rpc = format!("http://{address}");
                    config.chain.nodes[0].grpc = address.to_string();
                    config.chain.query_timeout = Period::from_secs(50);
                } else {
                    config.redis.url = format!("redis://{address}");
                }
            })
            .await;
        until(&waiting, "start", false).await;
        let told = std::time::Instant::now();
        waiting.stop().await.unwrap();
        assert!(told.elapsed() < Duration::from_secs(20), "it waited for {:?}", told.elapsed());
    }
}
