use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::StatusCode;
use relay_core::address::SecretKey;
use relay_core::client::{sign_request, verify};
use relay_core::config::Period;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::encode_request;
use relay_core::session::SessionHeader;
use relay_core::units::Height;
use relayer::config::{IdentityConfig, ServiceConfig, SimulationConfig};
use testbed::{Behaviour, Faults, Proxy, Redis};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::reload::{SOON, Watching};
use super::stage::{PREFIX, Running, SERVICE, Stage, payload, still, within};
use super::stream_node::StreamNode;

pub(crate) const KEY_ID: &str = "ops-1";

/// The operator's own keys. Nobody on chain knows them.
pub(crate) fn application() -> SecretKey {
    SecretKey::from_bytes(&[21; 32]).unwrap()
}

pub(crate) fn gateway() -> SecretKey {
    SecretKey::from_bytes(&[22; 32]).unwrap()
}

pub(crate) fn simulation() -> SimulationConfig {
    let hex_of = |key: &SecretKey| hex::encode(key.public_key().as_bytes());
    let identity = IdentityConfig {
        key_id: KEY_ID.to_owned(),
        enabled: true,
        max_rps: 1000,
        app_pubkey_hex: hex_of(&application()),
        gateway_pubkeys_hex: vec![hex_of(&gateway())],
        ..IdentityConfig::default()
    };
    SimulationConfig { enabled: true, identities: vec![identity], ..SimulationConfig::default() }
}

pub(crate) fn header() -> SessionHeader {
    static NONCE: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let id = format!("simv1:{now}:{:016x}", NONCE.fetch_add(1, Ordering::Relaxed));
    let application = application().address().clone();
    SessionHeader { application, service: SERVICE.into(), id: id.as_str().into(), start: Height(1), end: Height(2) }
}

pub(crate) fn signed(stage: &Stage, header: &SessionHeader, payload: Bytes) -> RelayRequest {
    let ring = [*application().public_key(), *gateway().public_key()];
    sign_request(header, &ring, &stage.supplier(), payload, &gateway()).unwrap()
}

fn request(stage: &Stage) -> RelayRequest {
    signed(stage, &header(), payload(1))
}

struct Reply {
    status: u16,
    head: String,
    body: Bytes,
}

impl Reply {
    fn error(&self) -> String {
        let json: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        json["error"].as_str().unwrap_or_default().to_owned()
    }
}

async fn send_as(running: &Running, key_id: &str, request: &RelayRequest) -> Reply {
    let body = encode_request(request);
    let mut stream = tokio::net::TcpStream::connect(running.relays).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\naccept: text/x-other\r\npocket-simulation-key-id: {key_id}\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
    let mut reply = Vec::new();
    within(stream.read_to_end(&mut reply)).await.unwrap();
    let at = reply.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(reply[..at].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply { status, head, body: Bytes::from(reply).slice(at + 4..) }
}

async fn send(stage: &Stage, request: &RelayRequest) -> Reply {
    send_as(&stage.running, KEY_ID, request).await
}

/// How many simulated relays had this result; waits for the first `least`.
pub(crate) async fn counted(running: &Running, transport: &str, supplier: &str, result: &str, least: u64) -> u64 {
    let series = format!(
        "ha_relayer_simulated_relays_total{{transport=\"{transport}\",service=\"{SERVICE}\",supplier=\"{supplier}\",\
         result=\"{result}\"}} "
    );
    within(async {
        loop {
            let (_, metrics) = running.get("/metrics").await;
            let value = metrics.lines().find_map(|line| line.strip_prefix(&series)?.parse().ok()).unwrap_or(0);
            if value >= least {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

/// The marks of served requests with the milliseconds they have left.
async fn marks(stage: &Stage) -> Vec<(String, i64)> {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", stage.redis.port())).await.unwrap();
    let script = "local all = {} for _, key in ipairs(redis.call('KEYS', ARGV[1])) do \
                  all[#all + 1] = key .. ' ' .. redis.call('PTTL', key) end return table.concat(all, ',')";
    let pattern = format!("{PREFIX}:{{fleet}}:sim:*");
    let command =
        format!("*4\r\n$4\r\nEVAL\r\n${}\r\n{script}\r\n$1\r\n0\r\n${}\r\n{pattern}\r\n", script.len(), pattern.len());
    stream.write_all(command.as_bytes()).await.unwrap();
    let mut reply = vec![0; 1 << 16];
    let length = within(stream.read(&mut reply)).await.unwrap();
    let text = String::from_utf8(reply[..length].to_vec()).unwrap();
    let list = text.split("\r\n").nth(1).unwrap_or_default();
    let mark = |text: &str| text.split_once(' ').map(|(key, left)| (key.to_owned(), left.parse().unwrap()));
    list.split(',').filter_map(mark).collect()
}

// rule: R-26, D-52
#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_relay_is_answered_as_every_relay_and_leaves_no_trace() {
    let stage = Stage::with(still(), |config| config.simulation = simulation()).await;
    let request = request(&stage);
    let reply = send(&stage, &request).await;
    assert_eq!(reply.status, 200, "{}", reply.error());
    assert!(reply.head.contains("content-type: application/json"), "{}", reply.head);
    let verified = verify(&request, reply.body, stage.key("supplier1").public_key()).unwrap();
    assert_eq!(verified.answer.status, 200);
    assert_eq!(counted(&stage.running, "http", stage.supplier().as_str(), "success", 1).await, 1);

    stage.send(&stage.relay(1).await).await.expect("real relays go on as ever");
    assert_eq!((stage.node.requests(), stage.log().await.len()), (2, 1));
    let (_, metrics) = stage.running.get("/metrics").await;
    let served = format!("ha_relayer_relays_received_total{{service_id=\"{SERVICE}\",rpc_type=\"jsonrpc\"}} 1\n");
    assert!(metrics.contains(&served), "only the real one is counted as one:\n{metrics}");
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

// rule: R-26
#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_relay_is_served_once_by_the_whole_pool() {
    let stage = Stage::with(still(), |config| config.simulation = simulation()).await;
    let second = stage.another(|config| config.simulation = simulation()).await;
    let request = request(&stage);
    assert_eq!(send(&stage, &request).await.status, 200);
    for running in [&stage.running, &second] {
        let reply = send_as(running, KEY_ID, &request).await;
        let expected = "simulation rejected: simulation: request already seen (replay)";
        assert_eq!((reply.status, reply.error().as_str()), (409, expected));
    }
    // Another spelling of the same signature is no other request.
    let mut rotated = request.clone();
    rotated.meta.as_mut().unwrap().signature.push(0);
    assert_eq!(send(&stage, &rotated).await.status, 403);
    assert_eq!(stage.node.requests(), 1);
    let marks = marks(&stage).await;
    assert_eq!(marks.len(), 1, "{marks:?}");
    assert!((50_000..=60_000).contains(&marks[0].1), "twice the window of 30 s: {marks:?}");
    counted(&stage.running, "http", stage.supplier().as_str(), "replay_rejected", 1).await;
}

// rule: D-25
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_before_the_signature_holds() {
    let stage = Stage::with(still(), |config| config.simulation = simulation()).await;
    let genuine = request(&stage);
    let forged = |change: fn(&mut RelayRequest)| {
        let mut request = genuine.clone();
        change(&mut request);
        request
    };
    let other_ring = {
        let stranger = SecretKey::from_bytes(&[23; 32]).unwrap();
        let ring = [*application().public_key(), *stranger.public_key()];
        sign_request(&header(), &ring, &stage.supplier(), payload(1), &stranger).unwrap()
    };
    for request in [
        forged(|relay| relay.meta.as_mut().unwrap().signature[40] ^= 1),
        forged(|relay| relay.meta.as_mut().unwrap().signature.push(0)),
        forged(|relay| relay.payload = payload(2)),
        other_ring,
    ] {
        let reply = send(&stage, &request).await;
        let text = reply.error();
        let expected = "simulation rejected: simulation: ring signature verification failed: ";
        assert!(reply.status == 403 && text.starts_with(expected), "{} {text}", reply.status);
    }
    let stranger = send_as(&stage.running, "nobody", &genuine).await;
    assert_eq!((stranger.status, stranger.error().contains("unknown key_id")), (403, true));
    assert!(marks(&stage).await.is_empty(), "junk is not stored");
    assert_eq!(stage.node.requests(), 0);
    assert_eq!(send(&stage, &genuine).await.status, 200, "and burns no signature of others");
    counted(&stage.running, "http", stage.supplier().as_str(), "verify_failed", 5).await;
}

// rule: R-26
#[tokio::test(flavor = "multi_thread")]
async fn while_it_is_off_the_header_means_nothing() {
    let stage = Stage::with(still(), |config| {
        config.simulation = simulation();
        config.simulation.enabled = false;
    })
    .await;
    let real = stage.relay(1).await;
    let reply = send(&stage, &real).await;
    assert_eq!(reply.status, 200, "{}", reply.error());
    assert_eq!(stage.log().await.len(), 1, "a real relay with the header is a real relay");
    let reply = send(&stage, &request(&stage)).await;
    assert!(reply.status == 403 && reply.error().starts_with("relay validation failed"), "{}", reply.error());
    assert!(!stage.running.get("/metrics").await.1.contains("simulated_relays_total{"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_it_fails_closed() {
    let stage = Stage::with(still(), |config| config.simulation = simulation()).await;
    stage.redis.pause().unwrap();
    let reply = send(&stage, &request(&stage)).await;
    let expected = "simulation rejected: simulation: replay dedup store unavailable";
    assert_eq!((reply.status, reply.error().as_str()), (503, expected));
    assert_eq!(stage.node.requests(), 0);
    stage.redis.resume().unwrap();
    counted(&stage.running, "http", stage.supplier().as_str(), "dedup_unavailable", 1).await;
}

// rule: G-12
#[tokio::test(flavor = "multi_thread")]
async fn places_and_rates_are_bounded_and_say_when_to_come_back() {
    let stage = Stage::with(still(), |config| {
        config.simulation = simulation();
        config.simulation.max_concurrent = 1;
        config.simulation.identities[0].max_rps = 2;
    })
    .await;
    stage.node.behave(Behaviour { delay: Duration::from_millis(1500), ..Behaviour::default() });
    let (slow, second) = (request(&stage), request(&stage));
    let crowding = async {
        while stage.node.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        send(&stage, &second).await
    };
    let (answered, busy) = tokio::join!(send(&stage, &slow), crowding);
    assert_eq!(answered.status, 200);
    assert_eq!((busy.status, busy.error().as_str()), (429, "simulation concurrency limit reached"));
    assert!(busy.head.contains("retry-after: 1"), "{}", busy.head);
    assert!(marks(&stage).await.len() == 1, "whoever found no place has not used its request up");

    stage.node.behave(Behaviour::default());
    assert_eq!(send(&stage, &second).await.status, 200);
    let limited = within(async {
        loop {
            let reply = send(&stage, &request(&stage)).await;
            if reply.status != 200 {
                return reply;
            }
        }
    })
    .await;
    assert_eq!((limited.status, limited.error().as_str()), (429, "simulation rate limit reached"));
    counted(&stage.running, "http", stage.supplier().as_str(), "rate_limited", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_node_is_asked_once_and_not_judged() {
    let stage = Stage::with(still(), |config| config.simulation = simulation()).await;
    stage.node.behave(Behaviour { status: StatusCode::BAD_GATEWAY, ..Behaviour::default() });
    for _ in 0..20 {
        let reply = send(&stage, &request(&stage)).await;
        assert_eq!((reply.status, reply.error().as_str()), (502, "backend service error"));
    }
    assert_eq!(stage.node.requests(), 20, "one attempt each");
    counted(&stage.running, "http", stage.supplier().as_str(), "backend_error", 20).await;
    stage.node.behave(Behaviour::default());
    stage.send(&stage.relay(1).await).await.expect("the node is as good as before");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_around_it_has_the_answers_of_every_relay() {
    let stage = Stage::with(still(), |config| {
        config.simulation = simulation();
        config.services.insert("svc2".into(), ServiceConfig::json_rpc("http://127.0.0.1:1", Period::from_secs(5)));
        config.simulation.identities[0].allowed_services = vec!["svc2".into()];
    })
    .await;
    let reply = send(&stage, &request(&stage)).await;
    let expected = "simulation rejected: simulation: service not allowed for this identity";
    assert_eq!((reply.status, reply.error().as_str()), (403, expected));
    let to = |service: &str| {
        let mut header = header();
        header.service = service.into();
        signed(&stage, &header, payload(1))
    };
    let reply = send(&stage, &to("svc3")).await;
    assert_eq!((reply.status, reply.error().as_str()), (404, "unknown service: svc3"));
    let reply = send(&stage, &to("svc2")).await;
    assert_eq!((reply.status, reply.error().as_str()), (502, "backend error"), "nobody listens there");
    let mut nobody = to("svc2");
    nobody.meta.as_mut().unwrap().supplier_operator_address.clear();
    let reply = send(&stage, &nobody).await;
    let expected = "simulation rejected: simulation: supplier operator address required";
    assert_eq!((reply.status, reply.error().as_str()), (400, expected));
    let (_, metrics) = stage.running.get("/metrics").await;
    assert!(metrics.contains("supplier=\"unknown\",result=\"supplier_not_loaded\"} 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_could_not_be_computed_is_noticed() {
    let chain = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&chain).await.unwrap();
    let (rpc, grpc) = (proxy.rpc(), proxy.grpc());
    let stage = Stage::on_chain(chain, Redis::start().await.unwrap(), |config| {
        config.simulation = simulation();
        config.chain.nodes[0].rpc = rpc;
        config.chain.nodes[0].grpc = grpc;
        config.chain.query_timeout = Period::from_millis(500);
    })
    .await;
    proxy.set(Faults { cut: true, ..Faults::default() });
    let reply = send(&stage, &request(&stage)).await;
    assert_eq!(reply.status, 200, "the caller has its answer: {}", reply.error());
    counted(&stage.running, "http", stage.supplier().as_str(), "meter_degraded", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_comes_in_signed_batches_and_is_no_relay_when_it_ends() {
    let mut node = StreamNode::events().await;
    let stage = super::streams::stage(&node, |config| config.simulation = simulation()).await;
    let request = request(&stage);
    let headers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("pocket-simulation-key-id"),
        http::HeaderValue::from_static(KEY_ID),
    )]);
    let (url, supplier) = (stage.url(), *stage.key("supplier1").public_key());
    let (stream, call) = tokio::join!(within(stage.client.stream(&url, &request, &supplier, headers)), node.call());
    let mut stream = stream.unwrap();
    for line in ["data: one\n\n", "data: two\n\n"] {
        call.say(line).await;
        // Nothing else is said until it is there, and the client checks its signature.
        assert_eq!(within(stream.next()).await.unwrap().unwrap().answer.body, line);
    }
    call.say("data: half").await;
    drop(call);
    assert_eq!(within(stream.next()).await.unwrap().unwrap().answer.body, "data: half");
    assert!(within(stream.next()).await.is_none());
    counted(&stage.running, "http", stage.supplier().as_str(), "success", 1).await;

    let (_stream, call) = {
        let request = signed(&stage, &header(), payload(1));
        let headers = http::HeaderMap::from_iter([(
            http::HeaderName::from_static("pocket-simulation-key-id"),
            http::HeaderValue::from_static(KEY_ID),
        )]);
        let (stream, call) = tokio::join!(within(stage.client.stream(&url, &request, &supplier, headers)), node.call());
        (stream.unwrap(), call)
    };
    call.break_off().await;
    counted(&stage.running, "http", stage.supplier().as_str(), "backend_error", 1).await;
    assert!(stage.log().await.is_empty());
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.unexplained()), (0, 0));
}

// rule: G-01
#[tokio::test(flavor = "multi_thread")]
async fn identities_come_and_go_while_it_runs() {
    let stage = Stage::new().await;
    let mut watching = Watching::start(&stage, SOON).await;
    let send = async |running: &Running| send_as(running, KEY_ID, &request(&stage)).await;
    let reply = send(&watching.running).await;
    assert!(reply.error().starts_with("relay validation failed"), "off: {}", reply.error());
    watching.change(|config| config.simulation = simulation());
    watching.until_applied().await;
    assert_eq!(send(&watching.running).await.status, 200);
    watching.change(|config| config.simulation.identities[0].enabled = false);
    watching.until_applied().await;
    assert!(send(&watching.running).await.error().ends_with("identity disabled"));
}
