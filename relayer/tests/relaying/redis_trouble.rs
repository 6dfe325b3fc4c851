use std::collections::HashSet;
use std::time::{Duration, Instant};

use relay_core::config::Period;
use relay_core::relay::{MinedRelay, RelayHash, encode_request};
use relayer::config::RecordingMode;
use testbed::{Cut, Redis};

use super::stage::{Stage, still, within};

// rule: D-49, G-07
#[tokio::test(flavor = "multi_thread")]
async fn bounded_answers_leave_from_the_spool_and_are_recorded_later() {
    let stage = Stage::new().await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let requests = [stage.relay(1).await, stage.relay(2).await];
    stage.redis.pause().unwrap();
    let sent = Instant::now();
    for request in &requests {
        stage.send(request).await.unwrap();
    }
    assert!(sent.elapsed() >= Duration::from_millis(500), "each answer waits for its record first");
    assert_eq!(stage.running.books("unrecorded").await, 2);
    assert_eq!(stage.running.books("appended").await, 1);
    stage.redis.resume().unwrap();
    within(async {
        while stage.running.books("unrecorded").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let distinct: HashSet<_> = stage.log().await.iter().map(|entry| RelayHash::of(&entry.relay)).collect();
    assert_eq!(distinct.len(), 3, "an append without an answer is repeated, which is harmless");
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (3, 3, 0));
}

// rule: D-17, G-07
#[tokio::test(flavor = "multi_thread")]
async fn a_full_spool_sheds_before_serving() {
    let adjust = |config: &mut relayer::Config| {
        config.limits.relay_bytes = 1500;
        config.recording.spool_bytes = 2000;
    };
    let stage = Stage::with(still(), adjust).await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let served = stage.node.requests();
    let requests = [stage.relay(1).await, stage.relay(2).await, stage.relay(3).await, stage.relay(4).await];
    stage.redis.pause().unwrap();
    let mut outcomes = Vec::new();
    for request in &requests {
        outcomes.push(stage.post(encode_request(request).into()).await);
    }
    let answered = outcomes.iter().filter(|(status, _)| *status == 200).count();
    assert!((1..4).contains(&answered), "{outcomes:?}");
    assert_eq!(outcomes[3], (503, "relays cannot be recorded now".to_owned()));
    assert_eq!(stage.node.requests() - served, answered as u64, "who is shed costs the backend nothing");
    stage.redis.resume().unwrap();
    within(async {
        while stage.running.books("unrecorded").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    stage.send(&requests[3]).await.expect("room again");
    assert_eq!(stage.running.books("shed").await, 4 - answered as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_withholds_answers_that_are_not_recorded() {
    let stage = Stage::with(still(), |config| config.recording.mode = RecordingMode::Strict).await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let requests = [stage.relay(1).await, stage.relay(2).await];
    stage.redis.pause().unwrap();
    for request in &requests {
        let (status, error) = stage.post(encode_request(request).into()).await;
        assert!(status == 503 && error.contains("cannot be recorded"), "{status} {error}");
    }
    assert_eq!(stage.node.requests(), 2, "the second is refused before it is served");
    stage.redis.resume().unwrap();
    within(async {
        while stage.send(&stage.relay(3).await).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (2, 2, 0));
    assert_eq!(entries.withheld, 1);
}

/// Answers relays for a while, takes the last second from Redis, and gives the answered relays that are missing then.
async fn lost_in_a_power_loss(re_append: bool) -> usize {
    // Nothing is durable before its time, so that the loss hits relays which were answered.
    let redis = Redis::start_with(&[("appendfsync", "everysec")]).await.unwrap();
    let adjust = |config: &mut relayer::Config| {
        config.recording.re_append = re_append;
        config.recording.durable_after = Period::from_secs(10);
    };
    let mut stage = Stage::on(redis, still(), adjust).await;
    let mut answered = HashSet::new();
    let until = Instant::now() + Duration::from_millis(1500);
    let mut number = 0;
    while Instant::now() < until {
        number += 1;
        let request = stage.relay(number).await;
        let verified = stage.send(&request).await.unwrap();
        answered.insert(MinedRelay::new(&request, &verified.response).hash);
    }
    stage.redis.power_loss(Cut::Last(Duration::from_secs(1))).await.unwrap();
    // The watcher looks every two seconds.
    let missing = |log: Vec<relay_core::store::LogEntry>| {
        let there: HashSet<_> = log.iter().map(|entry| RelayHash::of(&entry.relay)).collect();
        answered.difference(&there).count()
    };
    let deadline = Instant::now() + Duration::from_secs(8);
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let lost = missing(stage.log().await);
        if lost == 0 || Instant::now() > deadline {
            return lost;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_loss_loses_nothing_that_was_answered() {
    assert_eq!(lost_in_a_power_loss(true).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_appending_again_a_power_loss_does_lose() {
    assert!(lost_in_a_power_loss(false).await > 0);
}
