//! What stands in a log when its session is closed is in the claim, or counted as what it is.

use std::time::{Duration, Instant};

use bytes::Bytes;
use relay_core::store::{Append, AppendOutcome};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::scene::{Scene, genesis};

const PATIENCE: Duration = Duration::from_mins(2);

// rule: C-09, H-24, I-17, M-12, W-01
#[tokio::test(flavor = "multi_thread")]
async fn every_relay_that_was_taken_before_the_close_is_in_the_claim() {
    let scene = Scene::new(genesis().param("proof", json!({"proof_request_probability": 1}))).await;
    let store = scene.store().await;
    let stop = CancellationToken::new();
    let miner = tokio::spawn(miner::run(scene.config(), stop.clone()));
    let session = scene.session().await;
    let (mut taken, mut number) = (0_u64, 0);
    let began = Instant::now();
    // Appends until the session is closed, with some relays twice.
    let late = loop {
        let relays: Vec<Append> = (0..5).map(|more| scene.relay(&session, number + more)).collect();
        number += 5;
        let again = [relays.clone(), relays[..2].to_vec()].concat();
        let outcomes = store.append(&scene.supplier(), &again).await.unwrap().outcomes;
        let appended = outcomes.iter().filter(|outcome| matches!(outcome, AppendOutcome::Appended(_))).count();
        if appended == 0 {
            break outcomes.len();
        }
        assert_eq!(appended, 7, "a batch is taken or refused as a whole");
        taken += 5;
        assert!(began.elapsed() < PATIENCE, "the session is never closed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(late, 7);
    let ending = scene.ending(&store, &session).await;
    stop.cancel();
    miner.await.unwrap().unwrap();
    assert_eq!(ending["outcome"]["kind"], "settled", "{ending}");
    assert_eq!(ending["tally"]["leaves"], taken, "{ending}");
    assert_eq!(ending["tally"]["duplicates"], taken / 5 * 2, "{ending}");
    assert_eq!(ending["tally"]["unclaimable"], 0, "{ending}");
}

// rule: C-08, H-20, M-20
#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_nothing_but_poison_ends_empty_and_the_next_is_settled() {
    let scene = Scene::new(genesis().param("proof", json!({"proof_request_probability": 0}))).await;
    let store = scene.store().await;
    let stop = CancellationToken::new();
    let poisoned = scene.session().await;
    let good = scene.relay(&poisoned, 1);
    let mut cut = good.clone();
    cut.relay = good.relay.slice(..good.relay.len() - 1);
    let mut empty = good.clone();
    empty.relay = Bytes::new();
    store.append(&scene.supplier(), &[cut, empty]).await.unwrap();
    let miner = tokio::spawn(miner::run(scene.config(), stop.clone()));
    let deadline = Instant::now() + PATIENCE;
    let next = loop {
        let next = scene.session().await;
        if next.header.id != poisoned.header.id {
            break next;
        }
        assert!(Instant::now() < deadline, "the chain goes on");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    store.append(&scene.supplier(), &[scene.relay(&next, 1), scene.relay(&next, 2)]).await.unwrap();
    let (first, second) = (scene.ending(&store, &poisoned).await, scene.ending(&store, &next).await);
    stop.cancel();
    miner.await.unwrap().unwrap();
    assert_eq!(first["outcome"]["kind"], "empty", "{first}");
    assert_eq!((&first["tally"]["entries"], &first["tally"]["unclaimable"]), (&json!(2), &json!(2)), "{first}");
    assert_eq!(second["outcome"]["kind"], "settled", "{second}");
    assert_eq!(second["tally"]["leaves"], 2, "{second}");
}
