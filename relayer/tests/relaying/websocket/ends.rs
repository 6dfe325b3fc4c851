use std::time::Duration;

use futures::SinkExt;
use relay_core::client::json_rpc_payload;
use relay_core::relay::{RpcType, envelope};
use relayer::config::PoolConfig;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::super::stage::{SERVICE, Stage, still, within};
use super::gateway::Gateway;
use super::stage;

fn close(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() }))
}

/// A socket that has carried one relay.
async fn used(stage: &Stage) -> Gateway {
    let mut gateway = stage.gateway().await;
    gateway.send(&stage.message("hello").await).await;
    assert!(matches!(gateway.next().await, Message::Binary(_)));
    gateway
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_closes_is_answered_and_its_node_told() {
    for (sent, heard) in [
        ((1000, "done"), (1000, "done")),
        ((1001, "leaving"), (1001, "leaving")),
        ((3001, "mine"), (1001, "connection closing")),
        ((4002, "mine"), (1013, "rate limited")),
    ] {
        let (stage, node) = stage(|_| {}).await;
        let mut gateway = used(&stage).await;
        gateway.socket.send(close(sent.0, sent.1)).await.unwrap();
        assert_eq!(gateway.closed().await, (sent.0, sent.1.to_owned()));
        assert_eq!(node.closed().await, (heard.0, heard.1.to_owned()));
        node.until_open(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_closes_is_believed_after_its_last_answer() {
    let (stage, node) = stage(|_| {}).await;
    let mut gateway = stage.gateway().await;
    gateway.send(&stage.message("answer-and-close 1012 upgrade").await).await;
    let Message::Binary(response) = gateway.next().await else { panic!("the last answer comes first") };
    assert_eq!(stage.opened(&response), "the last");
    assert_eq!(gateway.closed().await, (1012, "upgrade".to_owned()));
    assert_eq!(stage.log().await.len(), 1);
    node.until_open(0).await;
}

// rule: D-23
#[tokio::test(flavor = "multi_thread")]
async fn peers_that_vanish_are_never_told_in_codes_that_must_not_travel() {
    let (stage, node) = stage(|_| {}).await;
    let mut gateway = used(&stage).await;
    gateway.send(&stage.message("drop").await).await;
    assert_eq!(gateway.closed().await, (1001, "peer disconnected".to_owned()));

    drop(used(&stage).await);
    assert_eq!(node.closed().await, (1001, "peer disconnected".to_owned()));

    let mut gateway = used(&stage).await;
    gateway.socket.send(Message::Close(None)).await.unwrap();
    assert_eq!(gateway.closed().await, (1005, String::new()), "no code is answered with none");
    node.until_open(0).await;
    let codes: Vec<u16> = node
        .messages()
        .into_iter()
        .filter_map(|message| match message {
            Message::Close(frame) => Some(frame.map_or(1005, |frame| frame.code.into())),
            _ => None,
        })
        .collect();
    assert_eq!(codes, [1001, 1001]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_be_reached_closes_the_socket_and_in_the_end_the_service() {
    let stage = Stage::with(still(), |config| {
        let service = config.services.get_mut(&SERVICE.into()).unwrap();
        service.backends.insert(RpcType::WebSocket, PoolConfig::of("ws://127.0.0.1:1"));
    })
    .await;
    let mut refused = None;
    for _ in 0..100 {
        match Gateway::open(stage.running.relays, "/svc1", &[]).await {
            Ok(mut gateway) => assert_eq!(gateway.closed().await, (4003, "backend connect failed".to_owned())),
            Err(refusal) => {
                refused = Some(refusal);
                break;
            }
        }
    }
    let (status, body) = refused.expect("failed connections count against the node");
    assert!(status == 503 && body.contains("temporarily unavailable"), "{status} {body}");
}

// rule: D-24
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_with_its_session_and_its_grace() {
    let (stage, node) = stage(|_| {}).await;
    let session = stage.session().await;
    let mut gateway = used(&stage).await;
    // Another socket, of a later session, must not hide this one.
    let left = session.header.end.0 - stage.chain.height().await.unwrap();
    stage.advance(u64::try_from(left + 1).unwrap()).await;
    let mut later = used(&stage).await;
    gateway.send(&stage.message_in(&session, "in the grace period")).await;
    let Message::Binary(response) = gateway.next().await else { panic!("there is grace") };
    assert_eq!(stage.opened(&response), "in the grace period");

    stage.advance(1).await;
    let Message::Binary(response) = gateway.next().await else { panic!("a signed reason was expected") };
    let signed = stage.signed(&response);
    let error = signed.relay_miner_error.unwrap();
    assert_eq!((error.code, error.description.as_str()), (410, "session expired"));
    let answer = envelope::decode_response(signed.payload).unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (410, br#"{"error":"session expired"}"#.as_slice()));
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(gateway.closed().await, (4000, "session expired".to_owned()));
    assert_eq!(node.closed().await, (1001, "session ended".to_owned()));
    node.until_open(1).await;
    assert_eq!(stage.log().await.len(), 3, "what says that it is over is no relay");
    later.send(&stage.message("still here").await).await;
    assert!(matches!(later.next().await, Message::Binary(_)));
}

// rule: D-24
#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_newer_session_keeps_the_socket() {
    let (stage, _node) = stage(|_| {}).await;
    let session = stage.session().await.header;
    let mut gateway = used(&stage).await;
    stage.advance(u64::try_from(session.end.0 + 1 - stage.chain.height().await.unwrap()).unwrap()).await;
    gateway.send(&stage.message("of the next session").await).await;
    gateway.next().await;
    stage.advance(2).await;
    gateway.send(&stage.message("still here").await).await;
    let Message::Binary(response) = gateway.next().await else { panic!("the socket goes on") };
    assert_eq!(stage.opened(&response), "still here");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_after_its_session_says_that_it_is_over() {
    let (stage, node) = stage(|_| {}).await;
    let session = stage.session().await;
    stage.advance(u64::try_from(session.header.end.0 + 2 - stage.chain.height().await.unwrap()).unwrap()).await;
    let mut gateway = stage.gateway().await;
    gateway.send(&stage.message_in(&session, "too late")).await;
    assert_eq!(gateway.closed().await, (4000, "session expired".to_owned()));
    assert!(!node.messages().iter().any(Message::is_binary));
}

// rule: S-2
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_leaves_with_its_answer_leaves_its_relay_in_the_log() {
    let (stage, node) = stage(|_| {}).await;
    for _ in 0..20 {
        drop(used(&stage).await);
    }
    node.until_open(0).await;
    assert_eq!(stage.log().await.len(), 20);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (20, 20, 0));
}

// rule: S-2
#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_has_answered_is_recorded_although_the_gateway_is_gone() {
    let (stage, node) = stage(|config| config.recording.timeout = relay_core::config::Period::from_secs(20)).await;
    let mut gateway = used(&stage).await;
    stage.redis.pause().unwrap();
    gateway.send(&stage.message("hello again").await).await;
    within(async {
        while node.messages().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    // Its answer waits for Redis now.
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(gateway);
    node.until_open(0).await;
    stage.redis.resume().unwrap();
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (2, 2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_says_so_to_both_sides_and_loses_nothing() {
    let (stage, node) = stage(|_| {}).await;
    let mut gateway = used(&stage).await;
    let mut idle = stage.gateway().await;
    node.until_open(2).await;
    stage.running.shutdown.cancel();
    assert_eq!(gateway.closed().await, (1012, "service restart".to_owned()));
    assert_eq!(idle.closed().await, (1012, "service restart".to_owned()));
    assert_eq!(node.closed().await, (1001, "service restart".to_owned()));
    node.until_open(0).await;
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_and_plain_relays_share_a_port() {
    let (stage, _node) = stage(|_| {}).await;
    let _gateway = used(&stage).await;
    let session = stage.session().await;
    let payload = json_rpc_payload(br#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#.as_slice().into());
    let request = stage.message_in(&session, payload);
    stage.send(&request).await.expect("a relay over HTTP");
    assert_eq!(stage.log().await.len(), 2);
}
