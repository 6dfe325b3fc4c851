use relay_core::relay::RpcType;
use relay_core::relay::{MinedRelay, RelayHash, decode_relay, encode_request};
use relayer::config::PoolConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use super::super::stage::{SERVICE, Stage, still, within};
use super::gateway::Gateway;
use super::raw::Frame;
use super::{raw, stage};

/// Sends a message and gives what its answer says.
async fn ask(stage: &Stage, gateway: &mut Gateway, payload: &str) -> bytes::Bytes {
    gateway.send(&stage.message(payload.to_owned()).await).await;
    answer(stage, gateway).await
}

async fn answer(stage: &Stage, gateway: &mut Gateway) -> bytes::Bytes {
    let Message::Binary(response) = gateway.next().await else { panic!("it goes back as the kind that it is") };
    stage.opened(&response)
}

// rule: D-30
#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_and_recorded_as_it_was_answered() {
    let (stage, node) = stage(|_| {}).await;
    let mut gateway = stage.gateway().await;
    stage.advance(1).await;
    let request = stage.message("hello").await;
    gateway.send(&request).await;
    let Message::Binary(response) = gateway.next().await else { panic!("it goes back as the kind that it is") };
    assert_eq!(stage.opened(&response), "hello");
    assert_eq!(node.messages(), [Message::Binary("hello".into())]);

    let log = stage.log().await;
    let mined = MinedRelay::new(&request, &stage.signed(&response));
    assert_eq!(log.len(), 1);
    assert_eq!(RelayHash::of(&log[0].relay), mined.hash);
    assert_eq!(decode_relay(log[0].relay.clone()).unwrap().req.unwrap(), request);
    let height = stage.chain.height().await.unwrap();
    assert_eq!(log[0].arrival.0, height, "the height of the message, not of the connection");
    stage.advance(1).await;
    assert_eq!(ask(&stage, &mut gateway, "later").await, "later");
    assert_eq!(stage.log().await[1].arrival.0, height + 1);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (2, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_push_is_a_relay_of_its_own() {
    let (stage, _node) = stage(|_| {}).await;
    let mut gateway = stage.gateway().await;
    assert_eq!(ask(&stage, &mut gateway, "subscribe 25").await, "push 0");
    for push in 1..25 {
        assert_eq!(answer(&stage, &mut gateway).await, format!("push {push}"), "they come in order");
    }
    let hashes: std::collections::HashSet<_> =
        stage.log().await.iter().map(|entry| RelayHash::of(&entry.relay)).collect();
    assert_eq!(hashes.len(), 25);
    let (_, metrics) = stage.running.get("/metrics").await;
    for line in [
        "ha_relayer_websocket_connections_active{service_id=\"svc1\"} 1",
        "ha_relayer_websocket_connections_total{service_id=\"svc1\"} 1",
        "ha_relayer_websocket_messages_forwarded_total{service_id=\"svc1\",direction=\"gateway_to_backend\"} 1",
        "ha_relayer_websocket_messages_forwarded_total{service_id=\"svc1\",direction=\"backend_to_gateway\"} 25",
        "ha_relayer_websocket_relays_emitted_total{service_id=\"svc1\"} 25",
    ] {
        assert!(metrics.contains(line), "{line} is missing in {metrics}");
    }
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (25, 25, 0));
}

// rule: R-19
#[tokio::test(flavor = "multi_thread")]
async fn the_same_answer_to_several_requests_is_a_relay_for_each() {
    let (stage, _node) = stage(|_| {}).await;
    let mut gateway = stage.gateway().await;
    let mut requests = Vec::new();
    for _ in 0..10 {
        requests.push(stage.message("what is new?").await);
    }
    for request in &requests {
        gateway.send(request).await;
    }
    for _ in 0..10 {
        assert_eq!(answer(&stage, &mut gateway).await, "what is new?");
    }
    let hashes: std::collections::HashSet<_> =
        stage.log().await.iter().map(|entry| RelayHash::of(&entry.relay)).collect();
    assert_eq!(hashes.len(), 10, "requests that wait for an answer do not share the next one");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_with_the_same_words_are_one_leaf_and_that_is_seen() {
    let (stage, _node) = stage(|_| {}).await;
    let mut gateway = stage.gateway().await;
    assert_eq!(ask(&stage, &mut gateway, "repeat 3").await, "the same");
    for _ in 0..2 {
        assert_eq!(answer(&stage, &mut gateway).await, "the same");
    }
    let (_, metrics) = stage.running.get("/metrics").await;
    assert!(metrics.contains("ha_relayer_websocket_relays_duplicate_total{service_id=\"svc1\"} 2"), "{metrics}");
}

// rule: R-18
#[tokio::test(flavor = "multi_thread")]
async fn text_stays_text_and_binary_stays_binary_on_each_hop() {
    let (stage, node) = stage(|_| {}).await;
    let mut gateway = raw::connect(stage.running.relays, SERVICE).await;
    for (first, sent) in [(0x81, Message::text("as it is")), (0x82, Message::binary("as it is"))] {
        let request = encode_request(&stage.message("as it is").await);
        assert!(std::str::from_utf8(&request).is_err(), "a signed request is no text");
        gateway.write_all(&raw::masked(first, &request)).await.unwrap();
        let answer = raw::read(&mut gateway).await;
        assert_eq!((answer.first, answer.masked), (first, false));
        assert_eq!(stage.opened(&answer.payload), "as it is");
        assert_eq!(node.messages().last(), Some(&sent));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_none_goes_both_ways_whole_or_in_parts() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let stage = Stage::with(still(), |config| {
        let service = config.services.get_mut(&SERVICE.into()).unwrap();
        service.backends.insert(RpcType::WebSocket, PoolConfig::of(url));
    })
    .await;
    let mut gateway = raw::connect(stage.running.relays, SERVICE).await;
    let (stream, _) = within(listener.accept()).await.unwrap();
    let mut node = within(tokio_tungstenite::accept_async(stream)).await.unwrap().into_inner();
    let noise = b"\xff\xfenot text\xc3";

    let request = encode_request(&stage.message(noise.as_slice()).await);
    // Cut where no letter ends, with a ping between.
    let (first, rest) = request.split_at(request.len() / 2);
    let sent = [raw::masked(0x01, first), raw::masked(0x89, b"?"), raw::masked(0x80, rest)].concat();
    gateway.write_all(&sent).await.unwrap();
    assert_eq!(raw::read(&mut gateway).await, Frame { first: 0x8a, masked: false, payload: b"?".to_vec() });
    assert_eq!(raw::read(&mut node).await, Frame { first: 0x81, masked: true, payload: noise.to_vec() });

    node.write_all(b"\x81\x02\xff\xfe").await.unwrap();
    node.write_all(b"\x01\x01\xc3\x80\x02\xbc\xff").await.unwrap();
    for expected in [&b"\xff\xfe"[..], b"\xc3\xbc\xff"] {
        let answer = raw::read(&mut gateway).await;
        assert_eq!(answer.first, 0x81);
        assert_eq!(stage.opened(&answer.payload), expected);
    }
    assert_eq!(stage.log().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_signed_is_not_sent() {
    let (stage, _node) = stage(|_| {}).await;
    let mut gateway = stage.gateway().await;
    assert_eq!(ask(&stage, &mut gateway, "nothing").await, "something");
    assert_eq!(stage.log().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_asked_for_is_not_passed_on() {
    let (stage, node) = stage(|_| {}).await;
    node.talk();
    let mut gateway = stage.gateway().await;
    assert_eq!(ask(&stage, &mut gateway, "hello").await, "hello");
    assert_eq!(stage.log().await.len(), 1);
    let (_, metrics) = stage.running.get("/metrics").await;
    assert!(metrics.contains("ha_relayer_websocket_messages_dropped_total{service_id=\"svc1\"} 1"), "{metrics}");
}
