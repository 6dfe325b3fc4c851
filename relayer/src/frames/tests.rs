//! Reading and writing against an independent implementation, and against bytes that none would send.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use tokio_tungstenite::tungstenite::protocol::{Message as Theirs, Role};

use super::close::Close;
use super::frame::{Opcode, Violation};
use super::outlet::Outlet;
use super::reader::{Broken, Incoming, Message, Peer, Reader};

const MOST: usize = 100_000;

fn reader(io: DuplexStream, peer: Peer) -> Reader<DuplexStream> {
    Reader::new(io, peer, MOST, Arc::new(Semaphore::new(10 * MOST)))
}

async fn whole(reader: &mut Reader<DuplexStream>) -> Result<Incoming, Broken> {
    loop {
        if let Some(incoming) = reader.next().await? {
            return Ok(incoming);
        }
    }
}

async fn read(reader: &mut Reader<DuplexStream>) -> (Opcode, Bytes) {
    match whole(reader).await.unwrap() {
        Incoming::Message(message) => (message.opcode, message.payload),
        other => panic!("a message was expected, not {other:?}"),
    }
}

/// What becomes of bytes that a gateway sends.
async fn after(bytes: &[u8]) -> Result<Incoming, Broken> {
    let (mut theirs, ours) = duplex(1 << 20);
    theirs.write_all(bytes).await.unwrap();
    drop(theirs);
    whole(&mut reader(ours, Peer::Gateway)).await
}

#[tokio::test]
async fn an_independent_client_is_understood() {
    let (theirs, ours) = duplex(1 << 20);
    let mut client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    let mut reader = reader(ours, Peer::Gateway);
    for size in [0, 1, 125, 126, 65_535, 65_536, MOST] {
        client.send(Theirs::Binary(vec![7; size].into())).await.unwrap();
        let (opcode, payload) = read(&mut reader).await;
        assert_eq!((opcode, payload.len()), (Opcode::Binary, size));
        assert!(payload.iter().all(|byte| *byte == 7));
    }
    client.send(Theirs::Text("text".into())).await.unwrap();
    assert_eq!(read(&mut reader).await, (Opcode::Text, Bytes::from_static(b"text")));
    client.send(Theirs::Ping(Bytes::from_static(b"there?"))).await.unwrap();
    assert!(matches!(whole(&mut reader).await, Ok(Incoming::Ping(payload)) if payload == "there?"));
    let frame = CloseFrame { code: CloseCode::Away, reason: "bye".into() };
    client.send(Theirs::Close(Some(frame))).await.unwrap();
    assert!(matches!(whole(&mut reader).await, Ok(Incoming::Close(Some(close))) if close == Close::new(1001, "bye")));
}

#[tokio::test]
async fn an_independent_peer_understands_us() {
    for (peer, role) in [(Peer::Gateway, Role::Client), (Peer::Node, Role::Server)] {
        let (theirs, ours) = duplex(1 << 20);
        let mut other = WebSocketStream::from_raw_socket(theirs, role, None).await;
        let outlet = Outlet::new(ours, peer, Duration::from_secs(5));
        for size in [0, 125, 126, 65_536] {
            let payload = Bytes::from(vec![9; size]);
            outlet.message(Message { opcode: Opcode::Binary, payload: payload.clone(), memory: None }).await.unwrap();
            assert_eq!(other.next().await.unwrap().unwrap(), Theirs::Binary(payload));
        }
        let payload = Bytes::from_static(b"text");
        outlet.message(Message { opcode: Opcode::Text, payload, memory: None }).await.unwrap();
        assert_eq!(other.next().await.unwrap().unwrap(), Theirs::Text("text".into()));
        outlet.ping().await.unwrap();
        assert_eq!(other.next().await.unwrap().unwrap(), Theirs::Ping(Bytes::new()));
        outlet.close(Some(&Close::new(4000, "over")), Instant::now() + Duration::from_secs(5)).await.unwrap();
        let Some(Ok(Theirs::Close(Some(frame)))) = other.next().await else { panic!("a close frame was expected") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4000, "over"));
    }
}

#[tokio::test]
async fn text_is_whatever_it_is_whole_or_in_parts() {
    let (theirs, ours) = duplex(1 << 20);
    let mut client = WebSocketStream::from_raw_socket(theirs, Role::Client, None).await;
    let mut reader = reader(ours, Peer::Gateway);
    let noise = Bytes::from_static(b"\xff\xfe\x00\xc3");
    client.send(Theirs::Frame(Frame::message(noise.clone(), OpCode::Data(Data::Text), true))).await.unwrap();
    assert_eq!(read(&mut reader).await, (Opcode::Text, noise));
    let parts = [(&b"\xc3"[..], Data::Text, false), (b"", Data::Continue, false), (b"\xbc\xff", Data::Continue, true)];
    for (number, (part, kind, last)) in parts.into_iter().enumerate() {
        client.send(Theirs::Frame(Frame::message(part, OpCode::Data(kind), last))).await.unwrap();
        if number == 1 {
            client.send(Theirs::Ping(Bytes::from_static(b"between"))).await.unwrap();
            assert!(matches!(whole(&mut reader).await, Ok(Incoming::Ping(_))));
        }
    }
    assert_eq!(read(&mut reader).await, (Opcode::Text, Bytes::from_static(b"\xc3\xbc\xff")));
}

#[tokio::test]
async fn what_breaks_the_protocol_breaks_the_connection() {
    let mask = [0; 4];
    let masked = |head: &[u8], rest: &[u8]| [head, &mask, rest].concat();
    let cases = [
        (b"\x82\x01x".to_vec(), Violation::Mask),
        (masked(&[0x80, 0x80], b""), Violation::Fragment),
        ([masked(&[0x01, 0x81], b"a"), masked(&[0x81, 0x81], b"b")].concat(), Violation::Fragment),
        (masked(&[0x88, 0x81], b"\x03"), Violation::Close),
        (masked(&[0xc2, 0x81], b"x"), Violation::ReservedBits),
    ];
    for (bytes, violation) in cases {
        assert_eq!(after(&bytes).await.unwrap_err(), Broken::Violation(violation), "{bytes:x?}");
    }
    assert_eq!(after(&masked(&[0x82, 0x85], b"only")).await.unwrap_err(), Broken::Gone);
    let (theirs, ours) = duplex(1024);
    let mut node = theirs;
    node.write_all(&masked(&[0x82, 0x80], b"")).await.unwrap();
    assert_eq!(whole(&mut reader(ours, Peer::Node)).await.unwrap_err(), Broken::Violation(Violation::Mask));
}

#[tokio::test]
async fn too_much_is_refused_before_it_comes() {
    let huge = [&[0x82, 0xff][..], &(1_u64 << 62).to_be_bytes(), &[0; 4]].concat();
    assert_eq!(after(&huge).await.unwrap_err(), Broken::TooBig);
    // In parts it is the sum that counts.
    let part =
        |first: u8, size: u16| [&[first, 0xfe][..], &size.to_be_bytes(), &[0; 4], &vec![0; size.into()]].concat();
    let parts = [part(0x02, 60_000), part(0x00, 60_000)].concat();
    assert_eq!(after(&parts).await.unwrap_err(), Broken::TooBig);
}

#[tokio::test]
async fn memory_is_taken_for_what_comes_and_given_back_with_the_message() {
    let memory = Arc::new(Semaphore::new(2 * MOST));
    let (mut theirs, ours) = duplex(1 << 20);
    let mut reader = Reader::new(ours, Peer::Gateway, MOST, Arc::clone(&memory));
    let head = [&[0x82, 0xff][..], &(MOST as u64).to_be_bytes(), &[0; 4]].concat();
    theirs.write_all(&head).await.unwrap();
    let announced = tokio::time::timeout(Duration::from_millis(100), reader.next()).await;
    assert!(announced.is_err() && memory.available_permits() >= MOST, "an announcement takes one step at most");

    let (mut theirs, ours) = duplex(1 << 20);
    let memory = Arc::new(Semaphore::new(MOST + MOST / 2));
    let mut reader = Reader::new(ours, Peer::Gateway, MOST, Arc::clone(&memory));
    let message = [&head[..], &vec![0; MOST]].concat();
    theirs.write_all(&[&message[..], &message].concat()).await.unwrap();
    let Ok(Some(Incoming::Message(first))) = reader.next().await else { panic!("a message was expected") };
    assert_eq!(first.payload.len(), MOST);
    assert_eq!(reader.next().await.unwrap_err(), Broken::NoMemory);
    drop((first, reader));
    assert_eq!(memory.available_permits(), MOST + MOST / 2);
}

// rule: R-17
#[tokio::test]
async fn a_peer_that_does_not_take_anything_is_given_up_and_frames_stay_whole() {
    let (mut theirs, ours) = duplex(10);
    let outlet = Outlet::new(ours, Peer::Gateway, Duration::from_millis(100));
    let message = || Message { opcode: Opcode::Binary, payload: Bytes::from_static(&[5; 60]), memory: None };
    assert!(outlet.message(message()).await.is_err());
    // Whoever writes next finishes what was begun.
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        theirs.read_to_end(&mut bytes).await.map(|_| bytes)
    });
    let (first, second) = tokio::join!(outlet.message(message()), outlet.message(message()));
    assert!(first.is_ok() && second.is_ok());
    outlet.close(None, Instant::now() + Duration::from_secs(5)).await.unwrap();
    let frame = [&[0x82, 60][..], &[5; 60]].concat();
    assert_eq!(reading.await.unwrap().unwrap(), [frame.clone(), frame.clone(), frame, vec![0x88, 0]].concat());
}
