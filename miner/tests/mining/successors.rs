//! A miner dies at each step of a session's life, and the next one goes on.

use std::time::{Duration, Instant};

use relay_core::address::Address;
use relay_core::client::OpenSession;
use relay_core::store::Store;
use serde_json::{Value, json};
use testbed::{Faults, Genesis, Proxy};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::fleet::{commands, say};
use crate::running::Running;
use crate::scene::Scene;

const LIMIT: Duration = Duration::from_secs(90);

/// Windows of eighteen seconds: a few miners must die in each.
fn genesis() -> Genesis {
    Genesis::new()
        .block_time(Duration::from_millis(300))
        .param(
            "shared",
            json!({
                "num_blocks_per_session": 10, "claim_window_close_offset_blocks": 60,
                "proof_window_close_offset_blocks": 60, "supplier_unbonding_period_sessions": 14,
                "application_unbonding_period_sessions": 14, "gateway_unbonding_period_sessions": 14,
            }),
        )
        .param("proof", json!({"proof_request_probability": 1}))
}

/// A miner in a runtime of its own. Dropping it is what kill -9 is: nothing is given back.
struct Mortal(Option<Runtime>);

impl Mortal {
    fn start(scene: &Scene) -> Self {
        let mut config = scene.config();
        config.leases = serde_json::from_value(json!({"ttl": "1500ms", "renew": "500ms"})).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(miner::run(config, CancellationToken::new()));
        Self(Some(runtime))
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        self.0.take().unwrap().shutdown_background();
    }
}

/// How far a session has come, as far as it shows outside of miners.
struct Watch<'a> {
    scene: &'a Scene,
    store: &'a Store,
    supplier: Address,
    session: &'a OpenSession,
}

impl Watch<'_> {
    async fn until(&self, step: &str) {
        let began = Instant::now();
        while !self.has_come_to(step).await {
            assert!(began.elapsed() < LIMIT, "it never came to: {step}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn has_come_to(&self, step: &str) -> bool {
        let id = &self.session.header.id;
        let records: Vec<(_, Value)> = self.store.records(&self.supplier).await.unwrap();
        let record =
            records.into_iter().find(|(session, _)| session == id).map(|(_, record)| record).unwrap_or_default();
        match step {
            "owned" => self.store.holders(std::slice::from_ref(&self.supplier)).await.unwrap()[0].is_some(),
            "closed" => !record["closed_at"].is_null(),
            "sealed" => self.store.read_seal(&self.supplier, id).await.unwrap().is_some(),
            "claim signed" => !record["claim"]["flight"].is_null(),
            "claimed" => {
                let (_, claims) = self.scene.node.claims_of(&self.supplier).await.unwrap();
                claims.iter().any(|claim| claim.session_header.as_ref().unwrap().session_id == id.as_str())
            }
            "proof signed" => !record["proof"]["flight"].is_null(),
            other => panic!("{other} is no step"),
        }
    }
}

// rule: I-12, O-11, W-16, C-10, O-02
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_settled_although_its_owner_dies_at_every_step() {
    let _ = tracing_subscriber::fmt().with_env_filter("info,miner=debug").with_test_writer().try_init();
    let scene = Scene::new(genesis()).await;
    let store = scene.store().await;
    let session = scene.serve(&store, 50).await;
    let supplier: Address = scene.chain.account("supplier1").unwrap().address.parse().unwrap();
    let watch = Watch { scene: &scene, store: &store, supplier, session: &session };
    let mut fences = Vec::new();
    for step in ["owned", "closed", "sealed", "claim signed", "claimed", "proof signed"] {
        let miner = Mortal::start(&scene);
        watch.until("owned").await;
        watch.until(step).await;
        fences.extend(store.holders(std::slice::from_ref(&watch.supplier)).await.unwrap().remove(0));
        drop(miner);
        // The lease of a dead miner runs out by itself.
        let began = Instant::now();
        while watch.has_come_to("owned").await {
            assert!(began.elapsed() < LIMIT, "the lease runs out");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let _last = Mortal::start(&scene);
    let ending = scene.ending(&store, &session).await;
    assert_eq!(ending["outcome"]["kind"], "settled", "{ending}");
    assert_eq!(ending["tally"]["leaves"], 50, "{ending}");
    let mut instances: Vec<_> = fences.iter().map(|fence| fence.instance.clone()).collect();
    instances.sort();
    instances.dedup();
    assert_eq!(instances.len(), fences.len(), "no instance id comes back");
}

/// The first answer about the heads of logs is under way while the successor ends the session that it still names.
// rule: W-16
#[tokio::test(flavor = "multi_thread")]
async fn what_a_successor_ends_at_once_does_not_come_back() {
    let _ = tracing_subscriber::fmt().with_env_filter("info,miner=debug").with_test_writer().try_init();
    let scene = Scene::new(genesis()).await;
    let store = scene.store().await;
    let session = scene.serve(&store, 50).await;
    let watch = Watch { scene: &scene, store: &store, supplier: scene.supplier(), session: &session };
    let first = Mortal::start(&scene);
    watch.until("claimed").await;
    drop(first);
    // Past both windows: the claim has expired.
    scene.chain.advance_to(session.header.end.0 + 130).await.unwrap();
    // On a slow node, the answer is long there when the session has ended.
    let node = Proxy::start(&scene.chain).await.unwrap();
    node.set(Faults { delay: Duration::from_millis(150), ..Faults::default() });
    let mut config = scene.config();
    config.chain.nodes[0].rpc = node.rpc();
    config.chain.nodes[0].grpc = node.grpc();
    config.intake = serde_json::from_value(json!({"poll": "10s", "pollNearClose": "10s"})).unwrap();
    let successor = Running::start(config).await;
    scene.ended(&store, &session).await;
    let later = scene.chain.height().await.unwrap() + 5;
    let status = successor.until("more blocks", |status| status["suppliers"][0]["height"].as_i64() > Some(later)).await;
    assert_eq!(status["suppliers"][0]["sessions"], json!([]), "{status:#}");
}

/// Reads of logs since the server started.
async fn reads(redis: &testbed::Redis) -> u64 {
    commands(redis).await.get("xrange").copied().unwrap_or_default()
}

/// Nobody else could own the supplier while Redis was away, so what was read of its log is still right.
// rule: O-01, O-02
#[tokio::test(flavor = "multi_thread")]
async fn a_miner_that_lost_its_lease_goes_on_with_its_tries() {
    let _ = tracing_subscriber::fmt().with_env_filter("info,miner=debug").with_test_writer().try_init();
    let scene = Scene::new(Genesis::new().block_time(Duration::from_hours(1))).await;
    let store = scene.store().await;
    let supplier: Address = scene.chain.account("supplier1").unwrap().address.parse().unwrap();
    let _session = scene.serve(&store, 50).await;
    let _miner = Mortal::start(&scene);
    let began = Instant::now();
    while reads(&scene.redis).await == 0 {
        assert!(began.elapsed() < LIMIT, "the log is read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let read = reads(&scene.redis).await;
    let holder =
        || async { store.holders(std::slice::from_ref(&supplier)).await.ok().and_then(|mut all| all.remove(0)) };
    let before = holder().await.unwrap();

    scene.redis.pause().unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    scene.redis.resume().unwrap();
    let began = Instant::now();
    while holder().await.is_none_or(|holder| holder.epoch == before.epoch) {
        assert!(began.elapsed() < LIMIT, "it is owned again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(holder().await.unwrap().instance, before.instance);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(reads(&scene.redis).await, read, "nothing is read twice");
    scene.serve(&store, 20).await;
    let began = Instant::now();
    while reads(&scene.redis).await == read {
        assert!(began.elapsed() < LIMIT, "what is new is read");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

// rule: C-31
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_leaves_nothing_behind() {
    let scene = Scene::new(Genesis::new()).await;
    let other = relay_core::store::ChainIdentity { chain_id: "other".to_owned(), genesis_hash: "00".to_owned() };
    let config = relay_core::store::StoreConfig {
        url: scene.redis.url(),
        prefix: "test".to_owned(),
        ..relay_core::store::StoreConfig::default()
    };
    let _others = Store::open(config, other).await.unwrap();
    let before = say(&scene.redis, "KEYS *").await;
    let address = testbed::free_address().unwrap();
    let mut config = scene.config();
    config.admin = address.to_string();
    miner::run(config, CancellationToken::new()).await.unwrap_err();
    assert_eq!(say(&scene.redis, "KEYS *").await, before, "neither a member nor a lease");
    let began = Instant::now();
    while std::net::TcpListener::bind(address).is_err() {
        assert!(began.elapsed() < LIMIT, "its port is free again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
