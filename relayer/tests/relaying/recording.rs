//! Whoever was answered is in the log, over every transport and whatever happens to Redis.

use std::time::Duration;

use relay_core::config::Period;
use relay_core::relay::RelayHash;
use relayer::Config;
use relayer::config::RecordingMode;
use testbed::{Cut, Redis};
use tokio_util::sync::CancellationToken;

use super::hard_node;
use super::stage::{Stage, still, within};
use super::ways::{Caller, Way, recorded};

const AT_A_TIME: usize = 16;

/// No answer leaves unrecorded, however slow the machine is.
fn strict(config: &mut Config) {
    config.recording.mode = RecordingMode::Strict;
    config.recording.timeout = Period::from_secs(30);
}

/// Load over one way, with something done to Redis in its middle. What was answered is there in the end.
async fn survives(way: Way, trouble: impl AsyncFnOnce(&mut Redis)) {
    let redis = Redis::start_with(&[("appendfsync", "everysec")]).await.unwrap();
    let stage = Stage::on(redis, still(), |config| config.recording.durable_after = Period::from_secs(10)).await;
    keeps(stage, way, trouble).await;
}

/// The same on this stage, whose relayer may have another Redis than the stage's own.
pub(crate) async fn keeps(mut stage: Stage, way: Way, trouble: impl AsyncFnOnce(&mut Redis)) {
    let (caller, stop) = (Caller::new(&stage, way).await, CancellationToken::new());
    let load = tokio::spawn({
        let stop = stop.clone();
        async move { caller.load(AT_A_TIME, &stop).await }
    });
    tokio::time::sleep(Duration::from_millis(1500)).await;
    trouble(&mut stage.redis).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.cancel();
    let answered = within(load).await.unwrap();
    assert!(answered.len() > 2 * AT_A_TIME, "{} relays are no load", answered.len());
    within(async {
        while !recorded(&stage).await.is_superset(&answered) || stage.running.books("unrecorded").await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.unexplained(), entries.unrecorded, entries.late), (0, 0, 0), "{entries:?}");
    assert!(entries.answered >= answered.len() as u64);
}

async fn restart(redis: &mut Redis) {
    redis.restart().await.unwrap();
}

async fn lose_power(redis: &mut Redis) {
    let lost = redis.power_loss(Cut::Last(Duration::from_secs(1))).await.unwrap();
    assert!(lost > 0, "the cut takes something");
}

// rule: D-49
#[tokio::test(flavor = "multi_thread")]
async fn answers_over_http_survive_a_restart_of_redis() {
    survives(Way::Http1, restart).await;
}

// rule: D-49
#[tokio::test(flavor = "multi_thread")]
async fn answers_over_http_2_survive_a_power_loss_of_redis() {
    survives(Way::Http2, lose_power).await;
}

// rule: D-49
#[tokio::test(flavor = "multi_thread")]
async fn streams_survive_a_restart_of_redis() {
    survives(Way::Stream, restart).await;
}

// rule: D-49
#[tokio::test(flavor = "multi_thread")]
async fn streams_survive_a_power_loss_of_redis() {
    survives(Way::Stream, lose_power).await;
}

// rule: D-49
#[tokio::test(flavor = "multi_thread")]
async fn answers_over_grpc_survive_a_restart_of_redis() {
    survives(Way::Grpc, restart).await;
}

// rule: D-49
#[tokio::test(flavor = "multi_thread")]
async fn answers_over_grpc_survive_a_power_loss_of_redis() {
    survives(Way::Grpc, lose_power).await;
}

/// While Redis stands still no answer is complete; the moment it is, its relay is in the log. So nobody who leaves with its
/// answer, however fast, takes the record with it.
async fn recorded_first(way: Way) {
    let stage = Stage::with(still(), strict).await;
    let caller = Caller::new(&stage, way).await;
    // Session, mark and connection are there: what follows waits for nothing but its record.
    let first = caller.relay(0).await.unwrap();
    stage.redis.pause().unwrap();
    let asked = stage.node.requests();
    let relay = tokio::spawn(async move { caller.relay(1).await });
    within(async {
        while stage.node.requests() == asked {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!relay.is_finished(), "the answer left before its relay was recorded");
    stage.redis.resume().unwrap();
    let second = within(relay).await.unwrap().unwrap();
    assert!(recorded(&stage).await.is_superset(&[first, second].into()));
}

// rule: R-03, S-2
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_http_is_recorded_first() {
    recorded_first(Way::Http1).await;
}

// rule: R-03, S-2
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_http_2_is_recorded_first() {
    recorded_first(Way::Http2).await;
}

// rule: R-03, S-2
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_stream_is_recorded_first() {
    recorded_first(Way::Stream).await;
}

// rule: R-03, S-2
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_grpc_is_recorded_first() {
    recorded_first(Way::Grpc).await;
}

/// About half of all relays count. Those and no others are in the log, under the hash that the caller knows.
async fn difficulty(way: Way) {
    let mut target = [0xff; 32];
    target[0] = 0x7f;
    let chain = testbed::Chain::start(still()).await.unwrap();
    let hard = hard_node::start(chain.grpc(), target).await;
    let redis = Redis::start().await.unwrap();
    let stage = Stage::on_chain(chain, redis, |config| config.chain.nodes[0].grpc = hard).await;
    let caller = Caller::new(&stage, way).await;
    let mut answered: Vec<RelayHash> = Vec::new();
    for number in 0..24 {
        answered.push(caller.relay(number).await.unwrap());
    }
    let counts = answered.iter().copied().filter(|hash| hash.0 < target).collect();
    assert_eq!(recorded(&stage).await, counts);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.unexplained()), (24, 0));
    assert_eq!((entries.appended, entries.below_difficulty), (counts.len() as u64, 24 - counts.len() as u64));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_do_not_count_are_not_recorded() {
    difficulty(Way::Stream).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_over_grpc_that_do_not_count_are_not_recorded() {
    difficulty(Way::Grpc).await;
}

// rule: D-29
#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_refuses_is_counted_and_not_recorded() {
    let stage = Stage::new().await;
    let caller = Caller::new(&stage, Way::Http1).await;
    let first = caller.relay(0).await.unwrap();
    let log = log_key(&stage).await;
    // As a miner closes a session.
    redis(&stage, &format!("SET {} 1", log.replace(":log:", ":closed:"))).await;
    caller.relay(1).await.expect("it was served before anybody knew");
    assert_eq!(recorded(&stage).await, [first].into());
    let (_, metrics) = stage.running.get("/metrics").await;
    let line = "ha_relayer_relays_dropped_total{service_id=\"svc1\",reason=\"late\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.late, entries.unexplained()), (2, 1, 1, 0));
}

// rule: D-50, R-22
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_can_earn_money_expires_and_nothing_is_searched_for() {
    let stage = Stage::new().await;
    Caller::new(&stage, Way::Http1).await.relay(1).await.unwrap();
    // The watch has gone round by then.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let commands = redis(&stage, "INFO commandstats").await;
    assert!(commands.contains("cmdstat_xadd:"), "{commands}");
    for search in ["cmdstat_scan:", "cmdstat_keys:", "cmdstat_randomkey:"] {
        assert!(!commands.contains(search), "{commands}");
    }
    let log = log_key(&stage).await;
    assert!(redis(&stage, &format!("TTL {log}")).await.starts_with(":-1\r\n"), "{log} expires");
}

/// The only log.
async fn log_key(stage: &Stage) -> String {
    let keys = redis(stage, "KEYS *:log:*").await;
    keys.lines().find(|line| line.contains(":log:")).unwrap().to_owned()
}

/// Asks Redis something and gives its answer as it comes.
async fn redis(stage: &Stage, command: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", stage.redis.port())).await.unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
