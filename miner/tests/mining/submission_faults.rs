//! Claims and proofs through nodes that lose, lag and fail, and under parameters that change.

use std::time::Duration;

use serde_json::{Value, json};
use testbed::proxy::{Failure, Fate};
use testbed::{Faults, Proxy};

use crate::scene::{Scene, genesis};
use crate::submission::{Shift, assert_settled, proven};

/// A miner whose only node is this proxy.
async fn behind_proxy(genesis: testbed::Genesis, transactions: Value) -> (Shift, Proxy) {
    let scene = Scene::new(genesis).await;
    let proxy = Proxy::start(&scene.chain).await.unwrap();
    let nodes = json!([{"name": "proxy", "rpc": proxy.rpc(), "grpc": proxy.grpc()}]);
    (Shift::begin(scene, transactions, Some(nodes)).await, proxy)
}

async fn reaches(shift: &Shift, height: i64) {
    while shift.scene.chain.height().await.unwrap() < height {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

// rule: M-21, H-02, I-03, H-05, H-06
#[tokio::test(flavor = "multi_thread")]
async fn lost_broadcasts_go_out_again_as_the_same_bytes() {
    let (shift, proxy) = behind_proxy(proven(), json!({})).await;
    let sessions = shift.serve(1, 15).await;
    let windows = shift.windows(&sessions[0]).await;
    proxy.set(Faults { drop_broadcasts: true, ..Faults::default() });
    reaches(&shift, windows.claim_open.0 + 5).await;
    proxy.heal();
    reaches(&shift, windows.proof_open.0 - 2).await;
    proxy.set(Faults { drop_broadcasts: true, ..Faults::default() });
    reaches(&shift, windows.proof_open.0 + 4).await;
    proxy.heal();
    let records = shift.records(&sessions).await;
    assert_settled(&records[0]);
    let broadcasts = proxy.broadcasts();
    for kind in ["claim", "proof"] {
        let hash = records[0][kind]["included"]["tx_hash"].as_str().unwrap();
        let fates: Vec<Fate> = broadcasts.iter().filter(|sent| sent.hash() == hash).map(|sent| sent.fate).collect();
        assert!(fates.contains(&Fate::Dropped) && fates.contains(&Fate::Forwarded), "{kind}: {fates:?}");
        assert_eq!(records[0][kind]["transactions"], 1, "{}", records[0]);
    }
    shift.end().await;
}

// rule: M-03, I-11
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_not_seen_the_window_open_is_asked_again() {
    let (shift, proxy) = behind_proxy(proven(), json!({})).await;
    let sessions = shift.serve(1, 15).await;
    let windows = shift.windows(&sessions[0]).await;
    let words = "failed to execute message; message index: 0: rpc error: code = FailedPrecondition desc = claim attempted \
                 outside of the session's claim window with gas used: '50000'";
    let too_early = Failure::Grpc { code: 2, message: words.to_owned() };
    proxy.set_grpc(Faults { failure: Some(too_early), only: Some("Simulate".to_owned()), ..Faults::default() });
    reaches(&shift, windows.claim_open.0 + 4).await;
    proxy.heal();
    let records = shift.records(&sessions).await;
    assert_settled(&records[0]);
    assert!(records[0]["claim"]["last_error"].is_null(), "{}", records[0]);
    shift.end().await;
}

// rule: M-11, I-02, I-11, H-13
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_lags_and_fails_ends_nothing() {
    let (shift, proxy) = behind_proxy(proven(), json!({})).await;
    let sessions = shift.serve(1, 15).await;
    let windows = shift.windows(&sessions[0]).await;
    reaches(&shift, windows.claim_open.0).await;
    proxy.set(Faults::lagging(3));
    reaches(&shift, windows.claim_open.0 + 5).await;
    proxy.heal();
    reaches(&shift, windows.proof_open.0 - 1).await;
    proxy.set(Faults::failing(Failure::not_ready()));
    reaches(&shift, windows.proof_open.0 + 4).await;
    proxy.heal();
    shift.records(&sessions).await.iter().for_each(assert_settled);
    shift.end().await;
}

// rule: M-01, I-09, M-09
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_no_proof_takes_nothing_of_its_batch_with_it() {
    let proof = json!({"proof_request_probability": 0, "proof_requirement_threshold": "3000000upokt"});
    let genesis = genesis().param("proof", proof).services(2).applications(2);
    let shift = Shift::begin(Scene::new(genesis).await, json!({}), None).await;
    shift.session_begins().await;
    let small = shift.scene.serve_app(&shift.store, 1, 20).await;
    let large = shift.scene.serve_app(&shift.store, 2, 50).await;
    let records = shift.records(&[small, large]).await;
    records.iter().for_each(assert_settled);
    assert_eq!(records[0]["proof"]["transactions"], 0, "{}", records[0]);
    assert!(records[1]["proof"]["included"]["height"].is_i64(), "{}", records[1]);
    shift.end().await;
}

// rule: M-01, I-06, I-16, H-14
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_that_becomes_required_in_its_window_is_sent() {
    let proof = json!({"proof_request_probability": 0, "proof_requirement_threshold": "9000000000upokt"});
    let shift = Shift::begin(Scene::new(genesis().param("proof", proof)).await, json!({}), None).await;
    let sessions = shift.serve(1, 50).await;
    let windows = shift.windows(&sessions[0]).await;
    reaches(&shift, windows.proof_open.0 + 2).await;
    shift.scene.chain.set_params("proof", json!({"proof_requirement_threshold": "1upokt"})).await.unwrap();
    let records = shift.records(&sessions).await;
    assert_settled(&records[0]);
    assert!(records[0]["proof"]["included"]["height"].is_i64(), "{}", records[0]);
    shift.end().await;
}

// rule: I-13
#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_that_no_node_can_tell_of_ends_as_unknown() {
    let (shift, proxy) = behind_proxy(proven(), json!({"settlementPatience": 4})).await;
    let sessions = shift.serve(1, 15).await;
    let windows = shift.windows(&sessions[0]).await;
    reaches(&shift, windows.proof_open.0 + 5).await;
    let pruned = Failure::Grpc { code: 2, message: "pruned".to_owned() };
    proxy.set_rpc(Faults { failure: Some(pruned), only: Some("block_results".to_owned()), ..Faults::default() });
    let records = shift.records(&sessions).await;
    assert_eq!(records[0]["ending"]["outcome"]["kind"], "unknown", "{}", records[0]);
    assert!(records[0]["ending"]["height"].as_i64().unwrap() >= windows.settlement.0 + 4, "{}", records[0]);
    shift.end().await;
}
