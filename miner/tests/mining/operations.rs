//! A miner as its operator sees it: it starts whatever is away, follows its keys, and says what it does.

use std::fs;
use std::time::{Duration, Instant};

use miner::MinerError;
use relay_core::config::Period;
use serde_json::json;
use testbed::{Faults, Proxy, Redis};

use crate::running::{Running, check};
use crate::scene::{Scene, genesis};

/// The key of the scene's supplier, not yet where the miner looks for it.
fn without_key(scene: &Scene) -> String {
    let file = scene.keys.path().join("supplier1");
    let key = fs::read_to_string(&file).unwrap();
    fs::remove_file(file).unwrap();
    key
}

// rule: W-13
#[tokio::test(flavor = "multi_thread")]
async fn keys_come_break_and_go_while_it_runs() {
    let scene = Scene::new(genesis()).await;
    let key = without_key(&scene);
    let miner = Running::start(scene.config()).await;
    let status = miner.until("a start without keys", |status| status["height"].as_i64() > Some(0)).await;
    assert_eq!((&status["keys"], &status["configHash"]), (&json!(0), &json!("hash of the file")));
    assert_eq!(check(&status, "keys")["ready"], false, "{status:#}");
    assert_eq!(miner.get("/health").await.0, 200, "to wait for keys is no reason to be restarted");
    assert_eq!(miner.get("/ready").await.0, 503);

    let file = scene.keys.path().join("supplier1");
    fs::write(&file, &key).unwrap();
    let owns = |status: &serde_json::Value| status["suppliers"].as_array().is_some_and(|owned| owned.len() == 1);
    let status = miner.until("ownership", |status| owns(status) && status["ready"]["checks"].is_array()).await;
    let address = &scene.chain.account("supplier1").unwrap().address;
    assert_eq!((&status["suppliers"][0]["address"], &status["keys"]), (&json!(address), &json!(1)));
    assert_eq!(miner.get("/ready").await.0, 200, "{status:#}");

    fs::write(&file, "half of a k").unwrap();
    let status = miner.until("the bad file", |status| status["keyFilesRefused"].is_array()).await;
    assert!(owns(&status) && status["keys"] == 1, "{status:#}");
    let away = scene.keys.path().with_extension("away");
    fs::rename(scene.keys.path(), &away).unwrap();
    let status = miner.until("the absent directory", |status| status["keyTroubles"].is_array()).await;
    assert!(owns(&status) && status["keys"] == 1, "{status:#}");
    let said = check(&status, "keys")["message"].as_str().unwrap().to_owned();
    assert!(said.contains("cannot read keys"), "{said}");

    fs::rename(&away, scene.keys.path()).unwrap();
    fs::remove_file(&file).unwrap();
    miner.until("the removal", |status| status["keys"] == 0 && !owns(status)).await;
    let metrics = miner.get("/metrics").await.1;
    for line in [
        "ha_keys_supplier_keys_active 0",
        "ha_keys_changes_total{type=\"added\"} 1",
        "ha_keys_changes_total{type=\"removed\"} 1",
        "ha_keys_load_errors_total{provider=\"file\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    miner.end().await.unwrap();
}

// rule: S-1
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_away_at_the_start_costs_no_claim() {
    let scene = Scene::new(genesis()).await;
    let store = scene.store().await;
    let proxy = Proxy::start(&scene.chain).await.unwrap();
    proxy.set(Faults { cut: true, ..Faults::default() });
    let mut config = scene.config();
    config.chain.nodes[0].rpc = proxy.rpc();
    config.chain.nodes[0].grpc = proxy.grpc();
    let miner = Running::start(config).await;
    let session = scene.serve(&store, 20).await;
    let status = miner.until("the wait", |status| check(status, "started")["message"] != "starting").await;
    let said = check(&status, "started")["message"].as_str().unwrap().to_owned();
    assert!(said.contains("waiting for the chain"), "{said}");
    assert_eq!((miner.get("/ready").await.0, miner.get("/health").await.0), (503, 200));

    // Blocks come again, while questions are answered as by a node that has just restarted.
    proxy.set_rpc(Faults::default());
    proxy.set_grpc(Faults::failing(testbed::proxy::Failure::not_ready()));
    miner.until("a lease", |status| status["fleet"]["owned"] == 1).await;
    proxy.heal();
    let ending = scene.ending(&store, &session).await;
    assert_eq!((&ending["outcome"]["kind"], &ending["tally"]["leaves"]), (&json!("settled"), &json!(20)), "{ending}");
    miner.end().await.unwrap();
}

// rule: H-08, C-37
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_chain_is_not_listened_to_and_to_stop_then_is_no_failure() {
    let scene = Scene::new(genesis()).await;
    let mut config = scene.config();
    config.chain.id = Some("another".to_owned());
    let miner = Running::start(config).await;
    let status = miner.until("the wait", |status| check(status, "started")["message"] != "starting").await;
    let said = check(&status, "started")["message"].as_str().unwrap().to_owned();
    assert!(said.contains("waiting for the chain") && said.contains("pocket"), "{said}");
    assert_eq!((&status["height"], miner.get("/ready").await.0), (&json!(0), 503));
    assert_eq!(scene.redis.ask(&["KEYS", "*"]).await.unwrap(), Vec::<String>::new());
    miner.end().await.unwrap();
}

// rule: H-35
#[tokio::test(flavor = "multi_thread")]
async fn a_slash_at_the_end_of_a_nodes_url_changes_nothing() {
    let scene = Scene::new(genesis()).await;
    let mut config = scene.config();
    config.chain.nodes[0].rpc.push('/');
    let miner = Running::start(config).await;
    miner.until("ownership", |status| status["fleet"]["owned"] == 1 && status["height"].as_i64() > Some(2)).await;
    miner.end().await.unwrap();
}

// rule: C-31, W-15
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_nothing_behind() {
    let scene = Scene::new(genesis()).await;
    let evicting = Redis::start_with(&[("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")]).await.unwrap();
    let mut config = scene.config();
    config.redis.url = evicting.url();
    let miner = Running::start(config).await;
    let error = miner.task.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("noeviction"), "{error}");
    assert_eq!(evicting.ask(&["KEYS", "*"]).await.unwrap(), Vec::<String>::new());
    let deadline = Instant::now() + Duration::from_mins(1);
    while tokio::net::TcpListener::bind(miner.admin).await.is_err() {
        assert!(Instant::now() < deadline, "the administration port is still taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

// rule: H-26
#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_end_is_no_failure_and_abandoned_work_is_one() {
    let scene = Scene::new(genesis()).await;
    let mut config = scene.config();
    let miner = Running::start(config.clone()).await;
    miner.until("ownership", |status| status["suppliers"].as_array().is_some_and(|owned| owned.len() == 1)).await;
    miner.end().await.unwrap();

    config.shutdown.deadline = Period::from_millis(300);
    let miner = Running::start(config).await;
    miner.until("ownership", |status| status["suppliers"].as_array().is_some_and(|owned| owned.len() == 1)).await;
    scene.redis.pause().unwrap();
    let ended = miner.end().await;
    scene.redis.resume().unwrap();
    assert!(matches!(ended, Err(MinerError::Abandoned(1))), "{ended:?}");
}
