use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE};
use http::{HeaderValue, Method, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::node::{self, Node};
use crate::config::ProbeConfig;
use crate::frames::{Close, Incoming, Outlet, Peer, Reader};

/// The most bytes of a message that comes before the pong.
const MOST_BYTES: usize = 1 << 20;
/// How long it may take to take leave.
const FAREWELL: Duration = Duration::from_secs(1);
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
    let (read, write) = tokio::io::split(TokioIo::new(stream));
    let mut input = Reader::new(read, Peer::Node, MOST_BYTES, Arc::new(Semaphore::new(MOST_BYTES)));
    let output = Outlet::new(write, Peer::Node, config.timeout.0);
    output.ping().await.map_err(|_| "no ping can be sent".to_owned())?;
    for _ in 0..MESSAGES {
        match input.next().await {
            Ok(Some(Incoming::Pong)) => {
                // The probe has its answer; whether the farewell arrives does not matter.
                let _ = output.close(Some(&Close::new(1000, "")), Instant::now() + FAREWELL).await;
                return Ok(());
            }
            Ok(Some(Incoming::Close(_))) => return Err("closed instead of a pong".to_owned()),
            Ok(_) => {}
            Err(broken) => return Err(format!("no pong: {broken:?}")),
        }
    }
    Err("many messages and no pong".to_owned())
}
