use std::time::Duration;

use relay_core::client::{RelayClient, sign_request};
use relay_core::relay::{MinedRelay, RelayHash, decode_relay};
use testbed::Behaviour;

use super::hard_node;
use super::stage::{Stage, get, payload, still};

// rule: D-48, R-03, R-05, C-21
#[tokio::test(flavor = "multi_thread")]
async fn a_good_relay_is_answered_and_recorded_as_it_was_answered() {
    let stage = Stage::new().await;
    let request = stage.relay(7).await;
    let verified = stage.send(&request).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&verified.answer.body).unwrap();
    assert_eq!((answer["id"].as_i64(), answer["result"]["method"].as_str()), (Some(7), Some("eth_blockNumber")));

    let log = stage.log().await;
    assert_eq!(log.len(), 1);
    let mined = MinedRelay::new(&request, &verified.response);
    assert_eq!(RelayHash::of(&log[0].relay), mined.hash);
    let relay = decode_relay(log[0].relay.clone()).unwrap();
    assert_eq!(relay.req.unwrap(), request);
    assert!(relay.res.unwrap().payload.is_empty());
    assert_eq!(log[0].arrival.0, stage.chain.height().await.unwrap());

    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_and_applications_without_gateways_can_sign() {
    let with_gateway = Stage::new().await;
    let session = with_gateway.session().await;
    assert_eq!(session.ring.len(), 2);
    let gateway = with_gateway.key("gateway1");
    let request = sign_request(&session.header, &session.ring, &with_gateway.supplier(), payload(1), &gateway).unwrap();
    with_gateway.send(&request).await.unwrap();

    let alone = Stage::with(still().gateways(0), |_| {}).await;
    let session = alone.session().await;
    assert_eq!(session.ring[0], session.ring[1]);
    alone.send(&alone.relay(1).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_relays_at_once_are_each_recorded_once() {
    let stage = Stage::new().await;
    let (http1, http2) = (RelayClient::new(false).unwrap(), RelayClient::new(true).unwrap());
    let (url, supplier) = (stage.url(), *stage.key("supplier1").public_key());
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..200 {
        let (request, url) = (stage.relay(number).await, url.clone());
        let client = if number % 2 == 0 { http1.clone() } else { http2.clone() };
        sending.spawn(async move {
            let verified = client.send(&url, &request, &supplier).await.unwrap();
            MinedRelay::new(&request, &verified.response).hash
        });
    }
    let mut answered = sending.join_all().await;
    let mut recorded: Vec<_> = stage.log().await.iter().map(|entry| RelayHash::of(&entry.relay)).collect();
    answered.sort_unstable();
    recorded.sort_unstable();
    assert_eq!(recorded, answered);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (200, 200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_count_is_served_and_not_recorded() {
    // About half of all hashes are below this target.
    let mut target = [0xff; 32];
    target[0] = 0x7f;
    let chain = testbed::Chain::start(still()).await.unwrap();
    let hard = hard_node::start(chain.grpc(), target).await;
    let redis = testbed::Redis::start().await.unwrap();
    let stage = Stage::on_chain(chain, redis, |config| config.chain.nodes[0].grpc = hard).await;
    let mut below = Vec::new();
    for number in 0..24 {
        let request = stage.relay(number).await;
        let verified = stage.send(&request).await.unwrap();
        let hash = MinedRelay::new(&request, &verified.response).hash;
        below.extend((hash.0 < target).then_some(hash));
    }
    let recorded: Vec<_> = stage.log().await.iter().map(|entry| RelayHash::of(&entry.relay)).collect();
    assert_eq!(recorded, below);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!(entries.answered, 24);
    assert!(entries.below_difficulty > 0 && entries.appended > 0);
    assert_eq!((entries.appended, entries.unexplained()), (below.len() as u64, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn client_errors_are_paid_and_server_errors_are_not() {
    let stage = Stage::new().await;
    stage.node.behave(Behaviour { status: http::StatusCode::NOT_FOUND, ..Behaviour::default() });
    let verified = stage.send(&stage.relay(1).await).await.unwrap();
    assert_eq!(verified.answer.status, 404);
    stage.node.behave(Behaviour { body: Some(bytes::Bytes::new()), ..Behaviour::default() });
    let verified = stage.send(&stage.relay(2).await).await.unwrap();
    assert!(verified.answer.body.is_empty(), "an empty answer is an answer");
    assert_eq!(stage.log().await.len(), 2);

    stage.node.behave(Behaviour { status: http::StatusCode::SERVICE_UNAVAILABLE, ..Behaviour::default() });
    let broken = stage.relay(3).await;
    let body = relay_core::relay::encode_request(&broken);
    assert_eq!(stage.post(body.into()).await, (503, "backend service error".to_owned()));
    stage.node.behave(Behaviour::default());
    stage.send(&broken).await.expect("a request that got no answer may be sent again");
    assert_eq!(stage.log().await.len(), 3);
}

// rule: D-06
#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_without_saying_where_backends_are() {
    let stage = Stage::new().await;
    for path in ["/health", "/healthz", "/ready"] {
        let (status, body) = get(stage.running.relays, path).await;
        assert!(status == 200 && body.contains("\"healthy\""), "{path}: {body}");
    }
    let (status, body) = get(stage.running.relays, "/ready/svc1").await;
    assert!(status == 200 && !body.contains("127.0.0.1"), "{body}");
    assert_eq!(get(stage.running.relays, "/ready/other").await.0, 404);
    assert_eq!(get(stage.running.relays, "/ready/").await.0, 400);

    stage.send(&stage.relay(1).await).await.unwrap();
    let (_, metrics) = stage.running.get("/metrics").await;
    for line in [
        "ha_relayer_relays_received_total{service_id=\"svc1\",rpc_type=\"jsonrpc\"} 1",
        "ha_relayer_relays_served_total{service_id=\"svc1\",rpc_type=\"jsonrpc\",status_code=\"200\"} 1",
        "ha_relayer_books_answered_total 1",
        "ha_relayer_books_unrecorded 0",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    assert_eq!(stage.running.get("/health").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_early_loses_its_answer_and_we_do_not_lose_the_relay() {
    use tokio::io::AsyncWriteExt;
    let stage = Stage::new().await;
    stage.node.behave(Behaviour { delay: Duration::from_millis(500), ..Behaviour::default() });
    let body = relay_core::relay::encode_request(&stage.relay(1).await);
    let mut stream = tokio::net::TcpStream::connect(stage.running.relays).await.unwrap();
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    super::stage::within(async {
        while stage.node.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    drop(stream);
    let Stage { running, store, chain, .. } = stage;
    let entries = running.stop().await.unwrap();
    let supplier = super::stage::key(&chain, "supplier1").address().clone();
    let heads = store.poll(std::slice::from_ref(&supplier)).await.unwrap();
    let log = heads[0].sessions.first().map(|session| session.appended);
    assert_eq!((log, entries.answered, entries.appended), (Some(1), 1, 1));
}
