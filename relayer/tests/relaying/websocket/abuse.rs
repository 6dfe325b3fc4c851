use std::time::Duration;

use futures::SinkExt;
use relay_core::address::SecretKey;
use relay_core::client::sign_request;
use relay_core::config::Period;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::encode_request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::Message;

use super::super::stage::{SERVICE, within};
use super::gateway::Gateway;
use super::{raw, stage};

// rule: D-19, D-21
#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_good_relays_reaches_the_node() {
    let (stage, node) = stage(|config| {
        let service = config.services[&SERVICE.into()].clone();
        config.services.insert("svc2".into(), service);
    })
    .await;
    let good = stage.message("good").await;
    let session = stage.session().await;
    let changed = |change: fn(&mut RelayRequest)| {
        let mut request = good.clone();
        change(&mut request);
        encode_request(&request)
    };
    let stranger = SecretKey::from_bytes(&[5; 32]).unwrap();
    let ring = [*stranger.public_key(), *stranger.public_key()];
    let forged = sign_request(&session.header, &ring, &stage.supplier(), "forged".into(), &stranger).unwrap();
    let cases = [
        ("an empty frame", Vec::new()),
        ("a call without envelope", br#"{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}"#.to_vec()),
        ("no header", encode_request(&RelayRequest { meta: None, payload: "free".into() })),
        ("no session header", changed(|request| request.meta.as_mut().unwrap().session_header = None)),
        ("no signature", changed(|request| request.meta.as_mut().unwrap().signature.clear())),
        ("a short signature", changed(|request| request.meta.as_mut().unwrap().signature.truncate(3))),
        ("another payload", changed(|request| request.payload = "other".into())),
        ("another supplier", changed(|request| request.meta.as_mut().unwrap().supplier_operator_address.clear())),
        ("a forged signature", encode_request(&forged)),
        ("nothing for the node", encode_request(&stage.message("").await)),
    ];
    for (what, bytes) in cases {
        let mut gateway = stage.gateway().await;
        gateway.socket.send(Message::Binary(bytes.into())).await.unwrap();
        assert_eq!(gateway.closed().await, (4001, "relay validation failed".to_owned()), "{what}");
        // What is sent in spite of it is too late.
        let _ = gateway.socket.send(Message::Binary(encode_request(&good).into())).await;
    }
    // A relay for another service than the socket.
    let mut elsewhere = Gateway::open(stage.running.relays, "/svc2", &[]).await.ok().unwrap();
    elsewhere.send(&good).await;
    assert_eq!(elsewhere.closed().await.0, 4001);
    // And for another supplier than the handshake said.
    let other = stranger.address().as_str().to_owned();
    let headers = [("target-service-id", SERVICE), ("pocket-supplier-address", other.as_str())];
    let mut elsewhere = Gateway::open(stage.running.relays, "/", &headers).await.ok().unwrap();
    elsewhere.send(&good).await;
    assert_eq!(elsewhere.closed().await.0, 4001);

    node.until_open(0).await;
    assert!(node.messages().iter().all(Message::is_close), "{:?}", node.messages());
    assert!(stage.log().await.is_empty());
    let mut gateway = stage.gateway().await;
    gateway.send(&good).await;
    assert!(matches!(gateway.next().await, Message::Binary(_)), "the good one is still good");
    gateway.send(&good).await;
    assert_eq!(gateway.closed().await.0, 4001, "once");
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.replayed), (1, 1, 1));
}

// rule: R-17
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_bounded_both_ways() {
    let (stage, node) = stage(|config| config.websocket.message_bytes = 20_000).await;
    let mut gateway = stage.gateway().await;
    gateway.socket.send(Message::Binary(vec![0; 20_001].into())).await.unwrap();
    assert_eq!(gateway.closed().await, (1009, "message too big".to_owned()));
    assert_eq!(node.closed().await, (1009, "message too big".to_owned()));

    let mut gateway = stage.gateway().await;
    gateway.send(&stage.message("big 20000").await).await;
    assert!(matches!(gateway.next().await, Message::Binary(_)));
    gateway.send(&stage.message("big 20001").await).await;
    assert_eq!(gateway.closed().await, (1009, "message too big".to_owned()));

    let (default, _node) = super::stage(|_| {}).await;
    let mut gateway = default.gateway().await;
    gateway.send(&default.message(format!("big {}", 14 << 20)).await).await;
    let Message::Binary(response) = gateway.next().await else { panic!("14 MiB are not too much") };
    assert_eq!(default.opened(&response).len(), 14 << 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_client_may_send_is_refused_cheaply() {
    let (stage, node) = stage(|_| {}).await;
    let huge = [&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &[0; 4]].concat();
    let cases = [
        ("a message of 2^62 bytes", huge, 1009),
        ("an unmasked frame", vec![0x82, 0x01, b'x'], 1002),
        ("a reserved bit", raw::masked(0xc2, b"x"), 1002),
        ("an unknown opcode", raw::masked(0x83, b"x"), 1002),
        ("a ping in parts", raw::masked(0x09, b"x"), 1002),
        ("a long ping", raw::masked(0x89, &[0; 126]), 1002),
        ("an end without a beginning", raw::masked(0x80, b"x"), 1002),
        ("a close frame of one byte", raw::masked(0x88, b"x"), 1002),
    ];
    for (what, bytes, code) in cases {
        let mut gateway = raw::connect(stage.running.relays, SERVICE).await;
        gateway.write_all(&bytes).await.unwrap();
        assert_eq!(raw::close_code(&mut gateway).await, code, "{what}");
        let mut rest = Vec::new();
        within(gateway.read_to_end(&mut rest)).await.unwrap();
        assert!(rest.is_empty(), "{what}: nothing comes after the close frame");
    }
    // Codes that must not travel do not come back either.
    for sent in [1005_u16, 1006, 1015, 0, 999, 65535] {
        let mut gateway = raw::connect(stage.running.relays, SERVICE).await;
        gateway.write_all(&raw::masked(0x88, &sent.to_be_bytes())).await.unwrap();
        let code = raw::close_code(&mut gateway).await;
        assert!(matches!(code, 1001 | 1011), "{sent} came back as {code}");
    }
    node.until_open(0).await;
    assert!(node.messages().iter().all(Message::is_close));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stays_silent_is_asked_and_then_left() {
    let (stage, node) = stage(|config| {
        config.websocket.ping_interval = Period::from_millis(100);
        config.websocket.read_timeout = Period::from_millis(1000);
    })
    .await;
    // A library answers pings while it is read, and so keeps its socket.
    let mut alive = stage.gateway().await;
    let reading = tokio::spawn(async move {
        let message = tokio::time::timeout(Duration::from_secs(3), alive.next()).await;
        assert!(message.is_err(), "nothing was to come");
        alive
    });
    let mut silent = raw::connect(stage.running.relays, SERVICE).await;
    let (pings, code) = within(async {
        for pings in 0.. {
            let frame = raw::read(&mut silent).await;
            if frame.first == 0x88 {
                return (pings, u16::from_be_bytes([frame.payload[0], frame.payload[1]]));
            }
            assert_eq!(frame.first, 0x89);
        }
        unreachable!()
    })
    .await;
    assert!(pings > 0 && code == 1001, "{pings} pings, then {code}");
    let mut alive = reading.await.unwrap();
    alive.send(&stage.message("still here").await).await;
    assert!(matches!(alive.next().await, Message::Binary(_)));
    node.until_open(1).await;
}

// rule: D-21
#[tokio::test(flavor = "multi_thread")]
async fn many_sockets_that_end_in_every_way_leave_nothing_behind() {
    let (stage, node) = stage(|_| {}).await;
    for round in 0..40 {
        let mut gateway = stage.gateway().await;
        match round % 4 {
            0 => drop(gateway),
            1 => gateway.socket.send(Message::Close(None)).await.unwrap(),
            2 => gateway.socket.send(Message::Binary("junk".into())).await.unwrap(),
            _ => gateway.send(&stage.message("drop").await).await,
        }
    }
    node.until_open(0).await;
    within(async {
        loop {
            let (_, metrics) = stage.running.get("/metrics").await;
            let gone = |line: &str| metrics.lines().any(|other| other == line);
            if gone("ha_relayer_websocket_connections_active{service_id=\"svc1\"} 0")
                && gone("ha_relayer_connections 0")
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(stage.running.status().await["books"]["unrecorded"], 0);
    stage.running.stop().await.unwrap();
}
