//! Relays that stand in the log become a settled claim.

use serde_json::{Value, json};
use testbed::Genesis;
use tokio_util::sync::CancellationToken;

use crate::scene::{Scene, genesis};

async fn settle(genesis: Genesis) -> Value {
    let _ = tracing_subscriber::fmt().with_env_filter("info,miner=debug").with_test_writer().try_init();
    let scene = Scene::new(genesis).await;
    let store = scene.store().await;
    let stop = CancellationToken::new();
    let miner = tokio::spawn(miner::run(scene.config(), stop.clone()));
    let session = scene.serve(&store, 50).await;
    let ending = scene.ending(&store, &session).await;
    stop.cancel();
    miner.await.unwrap().unwrap();
    ending
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_must_be_proven_is_proven_and_settled() {
    let ending = settle(genesis().param("proof", json!({"proof_request_probability": 1}))).await;
    assert_eq!(ending["outcome"]["kind"], "settled", "{ending}");
    assert_eq!(ending["tally"]["leaves"], 50, "{ending}");
    assert!(ending["outcome"]["earned"].as_u64() > Some(0), "{ending}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_that_need_not_be_proven_is_settled() {
    let ending = settle(genesis().param("proof", json!({"proof_request_probability": 0}))).await;
    assert_eq!(ending["outcome"]["kind"], "settled", "{ending}");
}
