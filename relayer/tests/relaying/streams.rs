use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use relay_core::client::{ClientError, RelayClient, RelayStream};
use relay_core::config::Period;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::{RelayHash, decode_relay, sign_payload_hash};
use relayer::Config;
use relayer::config::{RecordingMode, ServiceConfig};
use sha2::{Digest, Sha256};

use super::stage::{SERVICE, Stage, still, within};
use super::stream_node::{Call, StreamNode};

/// A relayer before a node that streams.
pub(super) async fn stage(node: &StreamNode, adjust: impl FnOnce(&mut Config)) -> Stage {
    let service = ServiceConfig::json_rpc(&node.url, Period::from_secs(50));
    Stage::with(still(), |config| {
        config.services.insert(SERVICE.into(), service);
        adjust(config);
    })
    .await
}

pub(super) async fn open(stage: &Stage, request: &RelayRequest) -> Result<RelayStream, ClientError> {
    within(stage.client.stream(&stage.url(), request, stage.key("supplier1").public_key(), HeaderMap::new())).await
}

/// A stream that was asked for, and the node's side of it.
async fn begun(stage: &Stage, node: &mut StreamNode, request: &RelayRequest) -> (RelayStream, Call) {
    let (stream, call) = tokio::join!(open(stage, request), node.call());
    (stream.unwrap(), call)
}

async fn next(stream: &mut RelayStream) -> Option<Bytes> {
    within(stream.next()).await.map(|message| message.unwrap().answer.body)
}

/// All messages until the end.
async fn rest(stream: &mut RelayStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(body) = next(stream).await {
        all.extend_from_slice(&body);
    }
    all
}

/// The log holds one relay: this request, and the supplier's signature over the hash of these bytes.
async fn assert_recorded(stage: &Stage, request: &RelayRequest, bytes: &[u8]) {
    within(async {
        while stage.log().await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let log = stage.log().await;
    assert_eq!(log.len(), 1, "a stream is one relay");
    let relay = decode_relay(log[0].relay.clone()).unwrap();
    assert_eq!(relay.req.as_ref(), Some(request));
    let session = stage.session().await.header;
    let expected = sign_payload_hash(&session, Sha256::digest(bytes).into(), &stage.key("supplier1"));
    assert_eq!(relay.res, Some(expected), "{} bytes, {:?}", bytes.len(), RelayHash::of(bytes));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_as_they_are_said_and_are_one_relay() {
    for http2 in [false, true] {
        let mut node = StreamNode::events().await;
        let mut stage = stage(&node, |_| {}).await;
        stage.client = RelayClient::new(http2).unwrap();
        let request = stage.relay(1).await;
        let (mut stream, call) = begun(&stage, &mut node, &request).await;
        assert_eq!(
            (stream.status.as_u16(), &stream.headers["content-type"]),
            (200, &"text/event-stream; charset=utf-8".parse().unwrap())
        );
        call.say("data: one\r\n\r\n").await;
        assert_eq!(next(&mut stream).await.unwrap(), "data: one\r\n\r\n", "line ends stay as they are");
        call.say("data: ||POKT_STREAM|| inside\n\n").await;
        assert_eq!(next(&mut stream).await.unwrap(), "data: ||POKT_STREAM|| inside\n\n");
        assert!(stage.log().await.is_empty(), "it is recorded when it ends");
        call.say("data: without an end").await;
        drop(call);
        assert_eq!(rest(&mut stream).await, b"data: without an end");
        let sent = b"data: one\r\n\r\ndata: ||POKT_STREAM|| inside\n\ndata: without an end";
        assert_recorded(&stage, &request, sent).await;
        let (_, metrics) = stage.running.get("/metrics").await;
        assert!(metrics.contains(r#"ha_relayer_streaming_relays_served_total{service_id="svc1"} 1"#), "{metrics}");
        let bytes = format!("ha_relayer_streaming_bytes_forwarded_total {}", sent.len());
        assert!(metrics.contains(&bytes), "{metrics}");
        let entries = stage.running.stop().await.unwrap();
        assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
    }
}

// rule: D-26
#[tokio::test(flavor = "multi_thread")]
async fn a_lone_line_does_not_wait_for_the_next_one() {
    let mut node = StreamNode::start(200, &[("content-type", "application/x-ndjson")]).await;
    let stage = stage(&node, |_| {}).await;
    let request = stage.relay(1).await;
    let (mut stream, call) = begun(&stage, &mut node, &request).await;
    for line in ["{\"n\":1}\n", "{\"n\":2}\n"] {
        call.say(line).await;
        // Nothing else is said until it is there.
        assert_eq!(next(&mut stream).await.unwrap(), line);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_or_coding_of_the_node_does_not_cut_the_stream() {
    let headers = [
        ("content-type", "application/x-ndjson"),
        ("content-length", "4"),
        ("x-node", "kept"),
        ("connection", "close"),
    ];
    let mut node = StreamNode::start(202, &headers).await;
    let stage = stage(&node, |_| {}).await;
    let request = stage.relay(1).await;
    let (mut stream, call) = begun(&stage, &mut node, &request).await;
    assert_eq!((stream.status.as_u16(), &stream.headers["x-node"]), (202, &"kept".parse().unwrap()));
    assert!(!stream.headers.contains_key("content-length"));
    call.say("{}\n\n").await;
    drop(call);
    assert_eq!(rest(&mut stream).await, b"{}\n\n");
    assert_recorded(&stage, &request, b"{}\n\n").await;
}

// rule: R-05
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_a_server_error_is_neither_signed_nor_paid() {
    let node = StreamNode::start(503, &[("content-type", "text/event-stream")]).await;
    let stage = stage(&node, |_| {}).await;
    let error = open(&stage, &stage.relay(1).await).await.err().unwrap().to_string();
    assert!(error.contains("503") && error.contains("backend service error"), "{error}");
    assert!(stage.log().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_recorded_when_the_caller_leaves_or_the_node_breaks_off() {
    let mut node = StreamNode::events().await;
    let first = stage(&node, |_| {}).await;
    let request = first.relay(1).await;
    let (mut stream, call) = begun(&first, &mut node, &request).await;
    call.say("data: one\n\n").await;
    assert_eq!(next(&mut stream).await.unwrap(), "data: one\n\n");
    drop(stream);
    call.nobody_listens().await;
    assert_recorded(&first, &request, b"data: one\n\n").await;

    let second = stage(&node, |_| {}).await;
    let request = second.relay(1).await;
    let (mut stream, call) = begun(&second, &mut node, &request).await;
    call.say("data: one\n\ndata: half").await;
    assert_eq!(next(&mut stream).await.unwrap(), "data: one\n\n");
    call.break_off().await;
    assert_eq!(rest(&mut stream).await, b"data: half");
    assert_recorded(&second, &request, b"data: one\n\ndata: half").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_message_of_a_stream_that_cannot_be_recorded_does_not_leave() {
    let mut node = StreamNode::events().await;
    let stage = stage(&node, |config| config.recording.mode = RecordingMode::Strict).await;
    let request = stage.relay(1).await;
    let (mut stream, call) = begun(&stage, &mut node, &request).await;
    call.say("data: one\n\n").await;
    assert_eq!(next(&mut stream).await.unwrap(), "data: one\n\n");
    stage.redis.pause().unwrap();
    drop(call);
    let end = within(stream.next()).await.expect("the stream does not end as if it were whole");
    assert!(end.is_err());
    stage.redis.resume().unwrap();
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.withheld, entries.unexplained()), (0, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_grace_of_its_session() {
    let mut node = StreamNode::events().await;
    let stage = stage(&node, |_| {}).await;
    let (request, session) = (stage.relay(1).await, stage.session().await.header);
    let (mut stream, call) = begun(&stage, &mut node, &request).await;
    let left = session.end.0 - stage.chain.height().await.unwrap();
    stage.advance(u64::try_from(left + 1).unwrap()).await;
    call.say("data: in the grace\n\n").await;
    assert_eq!(next(&mut stream).await.unwrap(), "data: in the grace\n\n");
    stage.advance(1).await;
    assert_eq!(rest(&mut stream).await, b"", "the last message says nothing more");
    call.nobody_listens().await;
    let log = stage.log().await;
    assert_eq!(log.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_lets_streams_go_on_and_cuts_those_that_do_not_end() {
    let mut node = StreamNode::events().await;
    let stage = stage(&node, |config| config.drain.deadline = Period::from_secs(3)).await;
    let (request, other) = (stage.relay(1).await, stage.relay(2).await);
    let (mut endless, endless_call) = begun(&stage, &mut node, &request).await;
    let (mut short, short_call) = begun(&stage, &mut node, &other).await;
    endless_call.say("data: one\n\n").await;
    assert_eq!(next(&mut endless).await.unwrap(), "data: one\n\n");
    stage.running.shutdown.cancel();
    tokio::time::sleep(Duration::from_millis(300)).await;
    short_call.say("data: while it drains\n\n").await;
    drop(short_call);
    assert_eq!(rest(&mut short).await, b"data: while it drains\n\n");
    assert_eq!(rest(&mut endless).await, b"");
    endless_call.nobody_listens().await;
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (2, 2, 0));
}

// rule: R-21
#[tokio::test(flavor = "multi_thread")]
async fn only_the_service_says_how_long_a_stream_may_take() {
    let mut node = StreamNode::events().await;
    let stage = stage(&node, |config| {
        // Everything else that has a limit is shorter than the stream.
        config.limits.receive_timeout = Period::from_millis(300);
        config.limits.idle_timeout = Period::from_millis(300);
        config.limits.send_timeout = Period::from_millis(300);
        config.services.get_mut(&SERVICE.into()).unwrap().timeout = Period::from_secs(4);
    })
    .await;
    let request = stage.relay(1).await;
    let (mut stream, call) = begun(&stage, &mut node, &request).await;
    let mut said = String::new();
    for number in 0..5 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let event = format!("data: {number}\n\n");
        call.say(event.clone()).await;
        assert_eq!(next(&mut stream).await.unwrap(), event.as_bytes());
        said.push_str(&event);
    }
    assert_eq!(rest(&mut stream).await, b"", "the service's time-out ends it");
    call.nobody_listens().await;
    assert_recorded(&stage, &request, said.as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_does_not_read_is_cut_and_pays_for_what_it_got() {
    let mut node = StreamNode::events().await;
    let stage = stage(&node, |config| config.limits.send_timeout = Period::from_millis(500)).await;
    let request = stage.relay(1).await;
    let (stream, call) = begun(&stage, &mut node, &request).await;
    let event = Bytes::from(format!("data: {}\n\n", "x".repeat(60 << 10)));
    let mut taken = 0_u32;
    while call.try_say(event.clone()).await {
        taken += 1;
        assert!(taken < 2000, "more than 120 MB are held for a caller that does not read");
    }
    within(async {
        while stage.running.books("answered").await == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(stage.log().await.len(), 1);
    drop(stream);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}
