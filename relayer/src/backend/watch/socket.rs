use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, Role, WebSocket};
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Method, StatusCode};
use hyper_util::rt::TokioIo;

use super::node::{self, Node};
use crate::config::ProbeConfig;

/// The most bytes of a message that comes before the pong.
const MOST_BYTES: usize = 1 << 20;
/// So many messages may come before it.
const MESSAGES: usize = 100;

/// A handshake, a ping and its pong.
pub(super) async fn probe(node: &Node, config: &ProbeConfig) -> Result<(), String> {
    let mut headers = node::headers(&config.headers);
    let key = STANDARD.encode(rand::random::<[u8; 16]>());
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::try_from(key).map_err(|error| error.to_string())?);
    let path = config.path.as_deref().unwrap_or("/");
    let response = node.ask(Method::GET, path, headers, Bytes::new()).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(format!("status {} instead of a handshake", response.status().as_u16()));
    }
    let stream = hyper::upgrade::on(response).await.map_err(|error| error.to_string())?;
    let mut socket = WebSocket::after_handshake(TokioIo::new(stream), Role::Client);
    socket.set_max_message_size(MOST_BYTES);
    let ping = Frame::new(true, OpCode::Ping, None, Payload::Borrowed(b"probe"));
    socket.write_frame(ping).await.map_err(|error| error.to_string())?;
    for _ in 0..MESSAGES {
        let frame = socket.read_frame().await.map_err(|error| error.to_string())?;
        match frame.opcode {
            OpCode::Pong => {
                // The probe has its answer; whether the farewell arrives does not matter.
                let _ = socket.write_frame(Frame::close(1000, b"")).await;
                return Ok(());
            }
            OpCode::Close => return Err("closed instead of a pong".to_owned()),
            _ => {}
        }
    }
    Err("many messages and no pong".to_owned())
}
