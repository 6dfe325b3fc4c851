//! Idle connections rest, and wake up with the next byte.

use std::time::Duration;

use relay_core::config::Period;
use relay_core::relay::encode_request;
use testbed::Behaviour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Stage, still, within};

/// Sends bytes as they are, and reads a reply whose body has a length.
async fn ask(stream: &mut TcpStream, bytes: &[u8]) -> (String, Vec<u8>) {
    stream.write_all(bytes).await.unwrap();
    reply(stream).await
}

async fn reply(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
    let mut body = vec![0; length];
    within(stream.read_exact(&mut body)).await.unwrap();
    (head, body)
}

async fn resting(stage: &Stage, count: usize) {
    let wanted = format!("ha_relayer_connections_resting {count}\n");
    within(async {
        while !stage.running.get("/metrics").await.1.contains(&wanted) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

async fn connect(stage: &Stage) -> TcpStream {
    TcpStream::connect(stage.running.relays).await.unwrap()
}

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_rests_between_requests_and_serves_relays_when_it_wakes() {
    let stage = Stage::with(still(), |_| ()).await;
    let mut stream = connect(&stage).await;
    for number in 1..=3 {
        let relay = encode_request(&stage.relay(number).await);
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", relay.len());
        // In pieces: the first byte wakes it.
        stream.write_all(&head.as_bytes()[..1]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let rest = [&head.as_bytes()[1..], &relay[..]].concat();
        assert!(ask(&mut stream, &rest).await.0.starts_with("http/1.1 200"));
        resting(&stage, 1).await;
    }
    drop(stream);
    resting(&stage, 0).await;
    assert_eq!(stage.running.stop().await.unwrap().answered, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_that_came_with_the_one_before_is_not_lost() {
    let stage = Stage::with(still(), |_| ()).await;
    let mut stream = connect(&stage).await;
    let both = [HEALTH, &HEALTH[..10]].concat();
    assert!(ask(&mut stream, &both).await.0.starts_with("http/1.1 200"));
    // Longer than it takes to go to rest.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(ask(&mut stream, &HEALTH[10..]).await.0.starts_with("http/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_relay_takes_long_does_not_rest() {
    let stage = Stage::with(still(), |_| ()).await;
    let mut stream = connect(&stage).await;
    ask(&mut stream, HEALTH).await;
    stage.node.behave(Behaviour { delay: Duration::from_secs(4), ..Behaviour::default() });
    let relay = encode_request(&stage.relay(1).await);
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", relay.len());
    assert!(ask(&mut stream, &[head.as_bytes(), &relay[..]].concat()).await.0.starts_with("http/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_connections_that_rest() {
    let stage = Stage::with(still(), |_| ()).await;
    let mut stream = connect(&stage).await;
    ask(&mut stream, HEALTH).await;
    resting(&stage, 1).await;
    stage.running.stop().await.unwrap();
    assert_eq!(within(stream.read(&mut [0; 8])).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_request_was_refused_halfway_never_rests() {
    let stage = Stage::with(still(), |config| config.limits.receive_timeout = Period::from_secs(3)).await;
    // Too large, and too slow.
    for length in [999_999_999, 10_000] {
        let mut stream = connect(&stage).await;
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        // What follows is the rest of that body, and must not be taken for another request.
        within(async {
            while stream.write_all(b"GET /health HTTP/1.1\r\n\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
        let mut replies = Vec::new();
        let _ = within(stream.read_to_end(&mut replies)).await;
        let replies = String::from_utf8_lossy(&replies).into_owned();
        assert_eq!(replies.matches("HTTP/1.1").count(), 1, "{replies}");
    }
}
