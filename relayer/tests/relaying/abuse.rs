use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use prost::Message;
use relay_core::config::Period;
use relay_core::relay::encode_request;
use relayer::config::ServiceConfig;
use testbed::Behaviour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::child::Child;
use super::curl::curl;
use super::stage::{SERVICE, Stage, still, within};
use super::stream_node::StreamNode;

const MIB: usize = 1 << 20;

async fn connect(to: std::net::SocketAddr, begin: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // The other side may refuse before it has everything.
    let _ = stream.write_all(begin.as_ref()).await;
    stream
}

async fn reply(stream: &mut TcpStream) -> String {
    let mut reply = vec![0; 2048];
    let length = within(stream.read(&mut reply)).await.unwrap_or_default();
    String::from_utf8_lossy(&reply[..length]).into_owned()
}

// rule: D-53
#[tokio::test(flavor = "multi_thread")]
async fn a_ring_of_a_hundred_thousand_costs_no_curve_arithmetic() {
    let stage = Stage::new().await;
    let mut config = stage.config();
    // Else it would be refused for being too large to be proven, which is as cheap.
    config.limits.relay_bytes = 8 * MIB;
    let child = Child::start(&config).await;
    let mut request = stage.relay(1).await;
    let before = child.processor_time();
    for members in [100_000, 33] {
        for _ in 0..10 {
            let mut signature = u32::try_from(members).unwrap().to_be_bytes().to_vec();
            signature.resize(69 + 65 * members, 7);
            request.meta.as_mut().unwrap().signature = signature;
            let reply = curl(&[&child.url()], request.encode_to_vec()).await.unwrap();
            assert!(reply.status == 403 && reply.error().contains("at most 32 members"), "{reply:?}");
        }
    }
    for length in [0, 1, 3, 4, 36, 68, 69, 70, 133, 134, 135, 32 * 65 + 69] {
        request.meta.as_mut().unwrap().signature = vec![0xff; length];
        let reply = curl(&[&child.url()], request.encode_to_vec()).await.unwrap();
        assert_eq!(reply.status, 403, "{length} bytes: {}", reply.error());
    }
    let spent = child.processor_time() - before;
    // Two multiplications a member would be minutes.
    assert!(spent < 500, "{spent} hundredths of a second for 20 large rings");
    assert_eq!(curl(&[&child.url()], encode_request(&stage.relay(2).await)).await.unwrap().status, 200);
    assert_eq!(stage.node.requests(), 1);
}

// rule: D-27
#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_needs_no_more_memory_than_a_short_one() {
    let mut node = StreamNode::events().await;
    let stage = Stage::new().await;
    let mut config = stage.config();
    config.services.insert(SERVICE.into(), ServiceConfig::json_rpc(&node.url, Period::from_secs(120)));
    let child = Child::start(&config).await;
    let supplier = *stage.key("supplier1").public_key();
    let event = Bytes::from(format!("data: {}\n\n", "x".repeat(64 << 10)));
    let mut peaks = Vec::new();
    for megabytes in [1, 64] {
        let request = stage.relay(megabytes).await;
        let url = child.url();
        let asked = stage.client.stream(&url, &request, &supplier, HeaderMap::new());
        let (stream, call) = tokio::join!(asked, node.call());
        let mut stream = stream.unwrap();
        let part = event.clone();
        let said = async move {
            for _ in 0..megabytes * 16 {
                call.say(part.clone()).await;
            }
        };
        let heard = async {
            let mut heard = 0;
            while let Some(message) = stream.next().await {
                heard += message.unwrap().answer.body.len();
            }
            heard
        };
        let ((), heard) = within(async { tokio::join!(said, heard) }).await;
        assert_eq!(heard, event.len() * megabytes * 16);
        peaks.push(child.peak_memory());
    }
    let grown = peaks[1] - peaks[0];
    assert!(grown < 16 * MIB, "{grown} bytes more for 64 MiB: {peaks:?}");
    assert_eq!(stage.log().await.len(), 2);
}

// rule: D-04
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_held_back_cost_bounded_memory_and_hold_up_nobody() {
    let stage = Stage::new().await;
    let mut config = stage.config();
    config.limits.body_bytes = 8 * MIB;
    config.limits.request_bytes = 4 * MIB;
    config.limits.in_flight = 4;
    config.limits.receive_timeout = Period::from_secs(4);
    let child = Child::start(&config).await;
    assert_eq!(curl(&[&child.url()], encode_request(&stage.relay(0).await)).await.unwrap().status, 200);
    let before = child.peak_memory();
    let half = vec![0x0a; 2 * MIB];
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 4 * MIB);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let (head, half, relays) = (head.clone(), half.clone(), child.relays);
        callers.spawn(async move {
            let mut stream = connect(relays, head).await;
            let _ = tokio::time::timeout(Duration::from_secs(10), stream.write_all(&half)).await;
            reply(&mut stream).await
        });
    }
    let (mut shed, mut slow) = (0, 0);
    for reply in callers.join_all().await {
        shed += usize::from(reply.contains("503") && reply.contains("relayer overloaded"));
        slow += usize::from(reply.contains("400") && reply.contains("failed to read request body"));
    }
    assert!(shed >= 30 && slow >= 1, "{shed} were shed, {slow} were too slow");
    let grown = child.peak_memory() - before;
    assert!(grown < 40 * MIB, "{grown} bytes for 80 MiB of bodies");
    assert_eq!(curl(&[&child.url()], encode_request(&stage.relay(1).await)).await.unwrap().status, 200);
    assert_eq!(stage.node.requests(), 2);
}

// rule: D-04
#[tokio::test(flavor = "multi_thread")]
async fn callers_that_dribble_hold_no_place_of_those_that_do_not() {
    let stage = Stage::with(still(), |config| {
        config.limits.in_flight = 2;
        config.limits.receive_timeout = Period::from_secs(3);
    })
    .await;
    let mut slow = tokio::task::JoinSet::new();
    for number in 0..60 {
        let relays = stage.running.relays;
        slow.spawn(async move {
            let begin: &[u8] = match number % 3 {
                0 => b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10000\r\n\r\n",
                1 => b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n",
                _ => b"POST / HTTP/1.1\r\nhost: x\r\nx-slow: ",
            };
            let mut stream = connect(relays, begin).await;
            let drop_by_drop: &[u8] = if number % 3 == 1 { b"1\r\nx\r\n" } else { b"x" };
            let since = std::time::Instant::now();
            while stream.write_all(drop_by_drop).await.is_ok() {
                assert!(since.elapsed() < Duration::from_secs(50), "caller {number} is served for ever");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    for number in 0..10 {
        stage.send(&stage.relay(number).await).await.expect("an honest caller has a place");
    }
    slow.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_bomb_is_not_inflated() {
    let stage = Stage::new().await;
    let child = Child::start(&stage.config()).await;
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..256 {
        bomb.write_all(&vec![0; MIB]).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    let before = child.peak_memory();
    for coding in ["content-encoding: gzip", "transfer-encoding: gzip, chunked"] {
        let reply = curl(&["-H", coding, &child.url()], bomb.clone()).await;
        let refused = reply.is_err() || reply.as_ref().is_ok_and(|reply| reply.status == 400);
        assert!(refused, "{coding}: {reply:?}");
    }
    let grown = child.peak_memory() - before;
    assert!(grown < 32 * MIB, "{grown} bytes for a bomb of 256 MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_headers_and_junk_are_refused() {
    let stage = Stage::new().await;
    let mut many = String::from("POST / HTTP/1.1\r\nhost: x\r\n");
    for number in 0..1000 {
        write!(many, "x-{number}: 1\r\n").unwrap();
    }
    many.push_str("content-length: 0\r\n\r\n");
    let large = format!("POST / HTTP/1.1\r\nhost: x\r\nx-large: {}\r\n\r\n", "x".repeat(MIB));
    let junk = "\u{0}\u{1}\u{2}\r\n\r\n".repeat(1000);
    let smuggled = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: identity\r\n\r\nabc";
    for abuse in [many.as_str(), &large, &junk, smuggled] {
        let mut stream = connect(stage.running.relays, abuse).await;
        let mut all = Vec::new();
        let _ = within(stream.read_to_end(&mut all)).await;
        let reply = String::from_utf8_lossy(&all);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{:?}: {reply}", &abuse[..20]);
    }
    let one = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\njunk";
    let mut stream = connect(stage.running.relays, one.repeat(500)).await;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut all = String::new();
    within(stream.read_to_string(&mut all)).await.unwrap();
    assert_eq!(all.matches("HTTP/1.1 400").count(), 500, "each gets its refusal, in order");
    assert!(all.ends_with('}') && all.contains(r#""status":"healthy""#));
    assert_eq!(stage.node.requests(), 0);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_resets_rapidly_loses_its_connection() {
    const GOAWAY: u8 = 7;
    let stage = Stage::new().await;
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    flood.extend(frame(4, 0, 0, &[]));
    for stream in (1..20_000).step_by(2) {
        // POST http / of x, and its end before anything else.
        flood.extend(frame(1, 4, stream, &[0x83, 0x86, 0x84, 0x41, 1, b'x']));
        flood.extend(frame(3, 0, stream, &8_u32.to_be_bytes()));
    }
    let mut stream = connect(stage.running.relays, &flood).await;
    let mut all = Vec::new();
    let _ = within(stream.read_to_end(&mut all)).await;
    let mut kinds = Vec::new();
    let mut rest = &all[..];
    while rest.len() >= 9 {
        let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
        kinds.push(rest[3]);
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    let (_, metrics) = stage.running.get("/metrics").await;
    let accepted = metrics
        .lines()
        .find_map(|line| line.strip_prefix(r#"ha_relayer_inbound_requests_by_proto_total{proto="h2c"} "#));
    let accepted: usize = accepted.map_or(0, |number| number.parse().unwrap());
    assert!(accepted < 9_000, "{accepted} of 10000 requests were accepted");
    assert!(kinds.contains(&GOAWAY) || kinds.is_empty(), "{kinds:?}");
    stage.send(&stage.relay(1).await).await.expect("others are served");
    assert_eq!(stage.node.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_an_answer_loses_the_connection() {
    let stage = Stage::with(still(), |config| config.limits.send_timeout = Period::from_millis(500)).await;
    let body = Some(Bytes::from(vec![b'x'; 9 * MIB]));
    stage.node.behave(Behaviour { body, ..Behaviour::default() });
    let request = encode_request(&stage.relay(1).await);
    let mut begin = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", request.len()).into_bytes();
    begin.extend(request);
    let stream = connect(stage.running.relays, begin).await;
    within(async {
        while stage.running.books("answered").await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        while !stage.running.get("/metrics").await.1.contains("ha_relayer_connections 0") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    drop(stream);
    assert_eq!(stage.log().await.len(), 1, "what was answered is recorded");
}

// rule: D-03
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_fatal() {
    let stage = Stage::new().await;
    for taken in [stage.running.relays, stage.running.admin] {
        let mut config = stage.config();
        if taken == stage.running.relays {
            config.listen = taken.to_string();
        } else {
            config.admin = taken.to_string();
        }
        let error = relayer::Relayer::bind(config, None).await.unwrap_err().to_string();
        assert!(error.contains(&taken.to_string()), "{error}");
    }
}
