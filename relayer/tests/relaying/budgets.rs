use std::time::Duration;

use relay_core::config::Period;
use relay_core::relay::encode_request;
use relayer::Config;
use relayer::config::OnError;
use serde_json::json;
use testbed::{Behaviour, Genesis};

use super::stage::{SERVICE, Stage, still, within};

pub(crate) const EXHAUSTED: (u16, &str) = (429, "session relay limit reached: claimable portion fully consumed");
const UNAVAILABLE: (u16, &str) = (503, "relay metering unavailable");
/// What a relay costs on these chains, in uPOKT: 1000 compute units at 100.
const COST: u64 = 100_000;
/// Sessions of six blocks, windows of eight: three share a stake. Five suppliers may share a session.
const SHARES: u64 = 15;

/// A chain whose application can pay for this many relays to a supplier in a session.
pub(crate) fn affords(relays: u64) -> Genesis {
    still().application_stake(relays * COST * SHARES)
}

pub(crate) fn slices_of(relays: u64) -> impl Fn(&mut Config) {
    move |config| config.budget.slice.relays = relays
}

impl Stage {
    /// Sends relays one after the other until one is refused, and gives how many were answered, and the refusal.
    async fn spend(&self, from: usize, most: usize) -> (usize, Option<(u16, String)>) {
        for number in 0..most {
            let (status, error) = self.post(encode_request(&self.relay(from + number).await).into()).await;
            if status != 200 {
                return (number, Some((status, error)));
            }
        }
        (most, None)
    }

    async fn metric(&self, line: &str) -> Option<String> {
        let text = self.running.get("/metrics").await.1;
        let found = text.lines().find(|metric| metric.starts_with(line));
        found.and_then(|metric| metric.rsplit(' ').next()).map(str::to_owned)
    }
}

fn is(outcome: Option<&(u16, String)>, expected: (u16, &str)) -> bool {
    outcome.is_some_and(|(status, error)| (*status, error.as_str()) == expected)
}

// rule: R-14, G-13
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_served_to_the_last_relay_that_its_application_can_pay() {
    let stage = Stage::with(affords(23), |_| {}).await;
    let (answered, refusal) = stage.spend(0, 40).await;
    assert_eq!(answered, 23);
    assert!(is(refusal.as_ref(), EXHAUSTED), "{refusal:?}");
    let served = stage.node.requests();
    stage.spend(50, 1).await;
    assert_eq!(stage.node.requests(), served, "who cannot pay costs the node nothing");
    let within =
        format!(r#"ha_relayer_relay_meter_consumptions_total{{service_id="{SERVICE}",result="within_limit"}}"#);
    let over = format!(r#"ha_relayer_relay_meter_consumptions_total{{service_id="{SERVICE}",result="over_limit"}}"#);
    assert_eq!(stage.metric(&within).await.as_deref(), Some("23"));
    assert_eq!(stage.metric(&over).await.as_deref(), Some("2"));
    let status = stage.running.status().await;
    assert_eq!(status["services"][0]["budget"], json!({ "sessions": 1, "exhausted": 1, "used": 23, "free": 0 }));

    // The next session has a budget of its own.
    let session = stage.session().await.header;
    stage.advance(u64::try_from(session.end.0 + 1 - stage.chain.height().await.unwrap()).unwrap()).await;
    stage.send(&stage.relay(100).await).await.unwrap();
}

/// The reference charged before it looked at the signature, and gave nothing back.
// rule: D-14
#[tokio::test(flavor = "multi_thread")]
async fn what_got_no_answer_costs_nothing() {
    let stage = Stage::with(affords(12), |_| {}).await;
    let stranger = relay_core::address::SecretKey::from_bytes(&[9; 32]).unwrap();
    let session = stage.session().await;
    for number in 0..20 {
        // Somebody else's signature.
        let ring = [*stranger.public_key(), *stranger.public_key()];
        let payload = super::stage::payload(number);
        let forged =
            relay_core::client::sign_request(&session.header, &ring, &stage.supplier(), payload, &stranger).unwrap();
        assert_eq!(stage.post(encode_request(&forged).into()).await.0, 403);
    }
    assert_eq!(stage.running.status().await["services"][0]["budget"]["sessions"], 0, "nor does it make a budget");
    stage.node.behave(Behaviour { status: http::StatusCode::BAD_GATEWAY, ..Behaviour::default() });
    for number in 100..120 {
        let (status, error) = stage.post(encode_request(&stage.relay(number).await).into()).await;
        assert!([502, 503].contains(&status), "{status} {error}");
    }
    stage.node.behave(Behaviour::default());
    let again = stage.relay(200).await;
    within(async {
        // The node is trusted again after a while.
        while stage.send(&again).await.is_err() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await;
    for _ in 0..20 {
        assert_eq!(stage.post(encode_request(&again).into()).await.0, 409, "a replay");
    }
    let (answered, refusal) = stage.spend(300, 40).await;
    assert_eq!(answered, 11, "the budget is whole but for one relay");
    assert!(is(refusal.as_ref(), EXHAUSTED), "{refusal:?}");
}

// rule: D-39
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_costs_redis_next_to_nothing() {
    const RELAYS: usize = 1_000;
    const COMMANDS: [&str; 5] = ["get", "incrby", "decrby", "scan", "keys"];
    let stage = Stage::new().await;
    // Opening a session looks a few things up; what counts is what each relay costs from then on.
    stage.send(&stage.relay(RELAYS).await).await.unwrap();
    let mut opened = Vec::new();
    for command in COMMANDS {
        opened.push(stage.redis_calls(command).await);
    }
    for number in 0..RELAYS {
        stage.send(&stage.relay(number).await).await.unwrap();
    }
    // Each look at a budget reads its hash once; nothing else of a relayer does that.
    let looks = stage.redis_calls("hgetall").await;
    assert!(looks >= 1 && looks <= RELAYS as u64 / 100, "{looks} for {RELAYS} relays");
    // Absent factors, prices and stakes are asked for nowhere; what the pool shares is looked up every half minute.
    for (command, before) in COMMANDS.into_iter().zip(opened) {
        let calls = stage.redis_calls(command).await - before;
        assert!(calls <= RELAYS as u64 / 50, "{calls} of {command}");
    }
}

impl Stage {
    /// One command past the relayer; its answer as text.
    pub(crate) async fn ask_redis(&self, command: &str) -> String {
        use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.redis.port())).await.unwrap();
        stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
        let (mut stream, mut line) = (BufReader::new(stream), String::new());
        stream.read_line(&mut line).await.unwrap();
        let Some(length) = line.strip_prefix('$') else { return line[1..].trim_end().to_owned() };
        let mut text = vec![0; length.trim_end().parse().unwrap()];
        stream.read_exact(&mut text).await.unwrap();
        String::from_utf8(text).unwrap()
    }

    async fn redis_calls(&self, command: &str) -> u64 {
        let stats = self.ask_redis("INFO commandstats").await;
        let line = stats.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.map_or(0, |rest| rest.split(',').next().unwrap().parse().unwrap())
    }
}

// rule: R-12, G-13
#[tokio::test(flavor = "multi_thread")]
async fn a_factor_replaces_the_formula() {
    // Of 150 relays' worth a fiftieth.
    let few = Stage::with(affords(10), |config| config.budget.service_factor = Some("0.02".parse().unwrap())).await;
    assert_eq!(few.spend(0, 40).await.0, 3);
    // One service may be another's exception, and more than the chain is sure to pay.
    let many = Stage::with(affords(2), |config| {
        config.budget.service_factor = Some("0".parse().unwrap());
        config.budget.service_factors.insert(SERVICE.into(), "0.5".parse().unwrap());
    })
    .await;
    assert_eq!(many.spend(0, 40).await.0, 15);
    let off = Stage::with(affords(1), |config| config.budget.enabled = false).await;
    assert_eq!(off.spend(0, 10).await.0, 10);
}

// rule: C-34
#[tokio::test(flavor = "multi_thread")]
async fn a_factor_that_the_miners_publish_counts_where_there_is_no_other() {
    let stage = Stage::with(affords(10), |_| {}).await;
    assert_eq!(stage.spend(0, 40).await.0, 10, "the formula");
    let instance = relay_core::store::InstanceId::random();
    let (_, fence) = stage.store.acquire_leader(&instance, 1, Duration::from_mins(10)).await.unwrap();
    let factors = serde_json::from_value(json!({ "services": { SERVICE: "0.02" } })).unwrap();
    assert!(stage.store.put_factors(&fence.to_string(), &factors).await.unwrap());
    // The relayer hears of it within a moment, and at the latest after half a minute.
    let mut answered = 0;
    for round in 1..=60 {
        let session = stage.session().await.header;
        stage.advance(u64::try_from(session.end.0 + 1 - stage.chain.height().await.unwrap()).unwrap()).await;
        answered = stage.spend(round * 100, 40).await.0;
        if answered == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(answered, 3, "a fiftieth of 150 relays' worth");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_do_not_get_more() {
    let stage = Stage::with(affords(31), slices_of(7)).await;
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..80 {
        let (client, url) = (stage.client.clone(), stage.url());
        let body = encode_request(&stage.relay(number).await);
        sending.spawn(async move { client.post(&url, body.into()).await.unwrap().0.as_u16() });
    }
    let statuses = within(sending.join_all()).await;
    let count = |status| statuses.iter().filter(|found| **found == status).count();
    assert_eq!((count(200), count(429)), (31, 49));
    assert_eq!(stage.log().await.len(), 31);
}

/// Redis stands still before the session's first slice.
async fn without_redis(policy: OnError) -> (Stage, (u16, String)) {
    let stage = Stage::with(affords(5), |config| {
        config.budget.on_error = policy;
        config.budget.timeout = Period::from_millis(100);
    })
    .await;
    let request = stage.relay(0).await;
    stage.redis.pause().unwrap();
    let outcome = stage.post(encode_request(&request).into()).await;
    (stage, outcome)
}

// rule: D-20
#[tokio::test(flavor = "multi_thread")]
async fn closed_refuses_what_cannot_be_metered() {
    let (stage, outcome) = without_redis(OnError::Closed).await;
    assert!(is(Some(&outcome), UNAVAILABLE), "{outcome:?}");
    assert_eq!(stage.node.requests(), 0);
    let refused = format!(r#"ha_relayer_relay_meter_unmetered_total{{service_id="{SERVICE}",result="refused"}}"#);
    assert_eq!(stage.metric(&refused).await.as_deref(), Some("1"));
    stage.redis.resume().unwrap();
    within(async {
        while stage.post(encode_request(&stage.relay(1).await).into()).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// Open serves, and what it served counts all the same.
// rule: D-20, D-33
#[tokio::test(flavor = "multi_thread")]
async fn open_serves_what_cannot_be_metered_and_counts_it() {
    let (stage, outcome) = without_redis(OnError::Open).await;
    assert_eq!(outcome.0, 200, "{outcome:?}");
    for number in 1..3 {
        stage.send(&stage.relay(number).await).await.unwrap();
    }
    let served = format!(r#"ha_relayer_relay_meter_unmetered_total{{service_id="{SERVICE}",result="served"}}"#);
    assert_eq!(stage.metric(&served).await.as_deref(), Some("3"));
    let errors = r#"ha_relayer_relay_meter_redis_errors_total{operation="increment consumed"}"#;
    within(async {
        while stage.metric(errors).await.is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    stage.redis.resume().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (answered, refusal) = stage.spend(10, 10).await;
    assert!(answered <= 2 && is(refusal.as_ref(), EXHAUSTED), "{answered} {refusal:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slice_in_hand_needs_no_redis() {
    let stage = Stage::with(affords(400), |config| config.budget.on_error = OnError::Closed).await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let requests = [stage.relay(1).await, stage.relay(2).await, stage.relay(3).await];
    stage.redis.pause().unwrap();
    for request in &requests {
        stage.send(request).await.expect("a slice is there");
    }
    stage.redis.resume().unwrap();
}

/// A session lost its budget's counter, which then had no end in the reference.
// rule: D-41
#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis_gives_no_session_a_second_budget() {
    let stage = Stage::with(affords(20), slices_of(4)).await;
    assert_eq!(stage.spend(0, 12).await, (12, None));
    let key = stage.store.keys().budget(&stage.supplier(), &stage.session().await.header.id);
    assert_eq!(stage.ask_redis(&format!("DEL {key}")).await, "1");
    let (answered, refusal) = stage.spend(100, 40).await;
    assert_eq!(answered, 8, "20 in all");
    assert!(is(refusal.as_ref(), EXHAUSTED), "{refusal:?}");
    let left: i64 = stage.ask_redis(&format!("PTTL {key}")).await.parse().unwrap();
    assert!(left > 3_600_000, "{left} ms are not enough until it is settled");
}

// rule: D-40, R-22
#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_over_are_forgotten() {
    let stage = Stage::with(affords(20), |_| {}).await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let supplier = stage.supplier();
    let gauge = format!(r#"ha_relayer_relay_meter_sessions_active{{service_id="{SERVICE}",supplier="{supplier}"}}"#);
    within(async {
        while stage.metric(&gauge).await.as_deref() != Some("1") {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let session = stage.session().await.header;
    stage.advance(u64::try_from(session.end.0 + 2 - stage.chain.height().await.unwrap()).unwrap()).await;
    within(async {
        while stage.metric(&gauge).await.is_some()
            || stage.running.status().await["services"][0]["budget"]["sessions"] != 0
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
}

/// Price and limit are the session's own; a change takes effect with the next session.
// rule: G-10, R-25
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_prices_leaves_running_sessions_alone() {
    let stage = Stage::with(affords(12), slices_of(2)).await;
    assert_eq!(stage.spend(0, 3).await, (3, None));
    let session = stage.session().await.header;
    let params = json!({ "compute_units_to_tokens_multiplier": 1_000_000 });
    let block = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        stage.advance(1).await;
    };
    let (changed, ()) = tokio::join!(stage.chain.set_params("shared", params), block);
    changed.unwrap().accepted().unwrap();
    assert!(stage.chain.height().await.unwrap() < session.end.0);
    let (answered, _) = stage.spend(10, 40).await;
    assert_eq!(answered, 9, "at the old price");
    stage.advance(u64::try_from(session.end.0 + 1 - stage.chain.height().await.unwrap()).unwrap()).await;
    let (answered, refusal) = stage.spend(100, 40).await;
    assert_eq!(answered, 0, "ten thousand times as much");
    assert!(is(refusal.as_ref(), EXHAUSTED), "{refusal:?}");
}
