use std::time::{Duration, Instant};

use relay_core::config::Period;
use relay_core::relay::encode_request;
use testbed::Behaviour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::stage::{Stage, still, within};

// rule: D-04, D-17
#[tokio::test(flavor = "multi_thread")]
async fn more_relays_than_allowed_at_a_time_are_shed() {
    let stage = Stage::with(still(), |config| config.limits.in_flight = 1).await;
    stage.node.behave(Behaviour { delay: Duration::from_millis(700), ..Behaviour::default() });
    let (first, second) = (stage.relay(1).await, stage.relay(2).await);
    let waiting = async {
        while stage.node.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stage.post(encode_request(&second).into()).await
    };
    let (answered, shed) = within(async { tokio::join!(stage.send(&first), waiting) }).await;
    answered.unwrap();
    assert_eq!(shed, (503, "relayer overloaded".to_owned()));
    stage.send(&second).await.expect("there is a place again");
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.shed), (2, 1));
}

// rule: D-04
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_say_nothing_or_stop_halfway_are_cut_off() {
    let stage = Stage::with(still(), |config| config.limits.receive_timeout = Period::from_millis(300)).await;
    for begin in ["", "POST / HT", "POST / HTTP/1.1\r\nhost: x\r\n", "PRI * HTTP/2.0\r\n"] {
        let mut stream = TcpStream::connect(stage.running.relays).await.unwrap();
        stream.write_all(begin.as_bytes()).await.unwrap();
        let since = Instant::now();
        let mut rest = Vec::new();
        let _ = within(stream.read_to_end(&mut rest)).await;
        assert!(since.elapsed() < Duration::from_secs(5), "{begin:?} was served for {:?}", since.elapsed());
    }
    let mut stream = TcpStream::connect(stage.running.relays).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nonly this").await.unwrap();
    let mut reply = vec![0; 1024];
    let length = within(stream.read(&mut reply)).await.unwrap();
    let reply = String::from_utf8_lossy(&reply[..length]);
    assert!(reply.starts_with("HTTP/1.1 400") && reply.contains("failed to read request body"), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_headers_are_refused() {
    let stage = Stage::with(still(), |config| config.limits.header_bytes = 8192).await;
    let mut stream = TcpStream::connect(stage.running.relays).await.unwrap();
    let large = "x".repeat(9000);
    let request = format!("POST / HTTP/1.1\r\nhost: x\r\nx-large: {large}\r\ncontent-length: 0\r\n\r\n");
    // The other side may close while we still write.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut reply = Vec::new();
    let _ = within(stream.read_to_end(&mut reply)).await;
    assert!(reply.is_empty() || reply.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&reply));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_accept_header_asks_for_comes_back() {
    let stage = Stage::new().await;
    for (accept, expected) in [("application/x-protobuf", "application/x-protobuf"), ("*/*", "application/json")] {
        let body = encode_request(&stage.relay(1).await);
        let mut stream = TcpStream::connect(stage.running.relays).await.unwrap();
        let length = body.len();
        let head = format!(
            "DELETE /any//path HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        let mut reply = Vec::new();
        within(stream.read_to_end(&mut reply)).await.unwrap();
        let reply = String::from_utf8_lossy(&reply).into_owned();
        assert!(reply.starts_with("HTTP/1.1 200"), "any method and path carries a relay: {reply}");
        assert!(reply.contains(&format!("content-type: {expected}\r\n")), "{reply}");
    }
}

// rule: D-04
#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_allowed_wait_and_do_not_hold_up_the_end() {
    let stage = Stage::with(still(), |config| config.limits.connections = 2).await;
    let idle = [
        TcpStream::connect(stage.running.relays).await.unwrap(),
        TcpStream::connect(stage.running.relays).await.unwrap(),
    ];
    tokio::time::sleep(Duration::from_millis(200)).await;
    let relay = stage.relay(1).await;
    let refused = tokio::time::timeout(Duration::from_millis(500), stage.send(&relay)).await;
    assert!(refused.is_err(), "there is no place for a third connection");
    let [first, second] = idle;
    drop(first);
    within(stage.send(&relay)).await.unwrap();
    let entries = stage.running.stop().await.unwrap();
    assert_eq!(entries.answered, 1);
    drop(second);
}
