//! A socket byte by byte: what no library would send, and text that is none.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::stage::within;

/// A frame of less than 64 KiB.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Final bit and opcode.
    pub(super) first: u8,
    pub(super) masked: bool,
    pub(super) payload: Vec<u8>,
}

/// Opens a socket for a service as a gateway.
pub(super) async fn connect(address: SocketAddr, service: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ntarget-service-id: {service}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    stream
}

/// A frame as a client sends it.
pub(super) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x11, 0x22, 0x33, 0x44];
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0xfe);
            frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// The next frame, whoever sent it.
pub(super) async fn read(stream: &mut TcpStream) -> Frame {
    within(async {
        let (first, second) = (stream.read_u8().await.unwrap(), stream.read_u8().await.unwrap());
        let length = match second & 0x7f {
            126 => usize::from(stream.read_u16().await.unwrap()),
            127 => panic!("a short frame was expected"),
            short => usize::from(short),
        };
        let mut mask = [0; 4];
        if second & 0x80 != 0 {
            stream.read_exact(&mut mask).await.unwrap();
        }
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        Frame { first, masked: second & 0x80 != 0, payload }
    })
    .await
}

/// The code of the close frame that comes next.
pub(super) async fn close_code(stream: &mut TcpStream) -> u16 {
    let frame = read(stream).await;
    assert_eq!(frame.first, 0x88, "a close frame was expected: {frame:?}");
    u16::from_be_bytes([frame.payload[0], frame.payload[1]])
}
