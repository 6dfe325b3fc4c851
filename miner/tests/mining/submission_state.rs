//! What is durable while a session waits for its claim, its proof and its settlement, and what a Redis that fails does to it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use relay_core::store::AppendOutcome;
use serde_json::json;
use testbed::Cut;

use crate::scene::Scene;
use crate::submission::{Shift, assert_settled, proven};

async fn reaches(shift: &Shift, height: i64) {
    while shift.scene.chain.height().await.unwrap() < height {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a session needs to be brought through: its log, its place among the sessions, its record with seal, its transactions.
fn is_needed(key: &str) -> bool {
    [":log:", ":record:", ":tx:", ":sessions", ":head"].iter().any(|part| key.contains(part))
}

// rule: I-19, H-21, M-16
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_can_still_earn_expires() {
    let shift = Shift::begin(Scene::new(proven()).await, json!({}), None).await;
    let sessions = shift.serve(1, 15).await;
    let windows = shift.windows(&sessions[0]).await;
    reaches(&shift, windows.proof_open.0 + 3).await;
    let keys = shift.scene.redis.ask(&["KEYS", "*"]).await.unwrap();
    let needed: Vec<&String> = keys.iter().filter(|key| is_needed(key)).collect();
    assert!(needed.len() >= 5, "log, record, two transactions, and the list of sessions: {needed:?}");
    for key in needed {
        assert_eq!(shift.scene.redis.ask(&["TTL", key]).await.unwrap(), ["-1"], "{key}");
    }
    shift.records(&sessions).await.iter().for_each(assert_settled);
    shift.end().await;
}

// rule: H-24, C-09, I-17
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_close_is_late_and_changes_no_root() {
    let shift = Shift::begin(Scene::new(proven()).await, json!({}), None).await;
    let sessions = shift.serve(1, 15).await;
    let supplier = shift.scene.chain.account("supplier1").unwrap().address.parse().unwrap();
    while !shift.store.is_closed(&supplier, &sessions[0].header.id).await.unwrap() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let outcomes = shift.scene.append_for(&shift.store, "supplier1", &sessions[0], 15..20).await;
    assert!(outcomes.iter().all(|outcome| *outcome == AppendOutcome::Late), "{outcomes:?}");
    let records = shift.records(&sessions).await;
    assert_settled(&records[0]);
    assert_eq!(records[0]["ending"]["tally"]["leaves"], 15, "{}", records[0]);
    shift.end().await;
}

// rule: M-06, I-12, C-10
#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_away_in_both_windows_forgets_no_session() {
    let genesis = proven().block_time(Duration::from_millis(600));
    let mut shift = Shift::begin(Scene::new(genesis).await, json!({}), None).await;
    let sessions = shift.serve(1, 15).await;
    let windows = shift.windows(&sessions[0]).await;
    for height in [windows.claim_open, windows.proof_open] {
        reaches(&shift, height.0).await;
        shift.scene.redis.kill().await.unwrap();
        tokio::time::sleep(Duration::from_millis(700)).await;
        shift.scene.redis.restart().await.unwrap();
    }
    shift.records(&sessions).await.iter().for_each(assert_settled);
    shift.end().await;
}

// rule: I-04, H-22, M-02
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_on_chain_is_the_seal_that_redis_lost() {
    let genesis = proven().block_time(Duration::from_millis(700));
    let mut shift = Shift::begin(Scene::new(genesis).await, json!({}), None).await;
    let sessions = shift.serve(1, 15).await;
    let windows = shift.windows(&sessions[0]).await;
    reaches(&shift, windows.end.0 - 1).await;
    let lost_from = Instant::now();
    let held = shift.scene.relays("supplier1", &sessions[0], 15..20);
    let supplier = shift.scene.chain.account("supplier1").unwrap().address.parse().unwrap();
    shift.store.append(&supplier, &held).await.unwrap();
    let claim = loop {
        let (_, claims) = shift.scene.node.claims_of(&supplier).await.unwrap();
        if let Some(claim) = claims.into_iter().next() {
            break claim;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    // The last relays, the mark of closing, the seal, the record and the signed bytes: all gone.
    assert!(shift.scene.redis.power_loss(Cut::Last(lost_from.elapsed())).await.unwrap() > 0);
    // The relayer brings back what was never confirmed as durable.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let returning = Instant::now();
    while let Err(error) = shift.store.append(&supplier, &held).await {
        assert!(returning.elapsed() < Duration::from_mins(1), "{error}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let records = shift.records(&sessions).await;
    assert_settled(&records[0]);
    assert_eq!(records[0]["ending"]["tally"]["leaves"], 20, "{}", records[0]);
    let seal = shift.store.read_seal(&supplier, &sessions[0].header.id).await.unwrap().unwrap();
    assert_eq!(seal.root.as_slice(), claim.root_hash, "the claim on chain is the seal");
    assert_eq!(records[0]["claim"]["transactions"], 0, "nothing else was ever broadcast: {}", records[0]);
    shift.end().await;
}

// rule: C-36, H-06, H-18, C-05
#[tokio::test(flavor = "multi_thread")]
async fn suppliers_submit_side_by_side() {
    const SUPPLIERS: usize = 4;
    let scene = Scene::new(proven().suppliers(SUPPLIERS)).await;
    for number in 2..=SUPPLIERS {
        let name = format!("supplier{number}");
        std::fs::write(scene.keys.path().join(&name), &scene.chain.account(&name).unwrap().private_key).unwrap();
    }
    let shift = Shift::begin(scene, json!({}), None).await;
    let sessions = shift.serve(1, 15).await;
    for number in 2..=SUPPLIERS {
        shift.scene.append_for(&shift.store, &format!("supplier{number}"), &sessions[0], 0..15).await;
    }
    let mut hashes = BTreeSet::new();
    let mut heights = Vec::new();
    for number in 1..=SUPPLIERS {
        let record = shift.scene.ended_for(&shift.store, &format!("supplier{number}"), &sessions[0]).await;
        assert_settled(&record);
        hashes.insert(record["claim"]["included"]["tx_hash"].as_str().unwrap().to_owned());
        heights.push(record["claim"]["included"]["height"].as_i64().unwrap());
    }
    assert_eq!(hashes.len(), SUPPLIERS);
    let (first, last) = (heights.iter().min().unwrap(), heights.iter().max().unwrap());
    let window = shift.windows(&sessions[0]).await;
    assert!(last - first < window.claim_close - window.claim_open, "one after another: {heights:?}");
    shift.end().await;
}
