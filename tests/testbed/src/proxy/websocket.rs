//! The websocket of the RPC door: requests go through, events wait for their time.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::HeaderValue;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::door::Passage;
use super::held::Held;

/// Answers the handshake and relays messages from then on.
pub(super) fn accept(mut request: Request<Incoming>, passage: Passage) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    let key = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let Some(Ok(key)) = key.map(|key| HeaderValue::from_str(&key)) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    tokio::spawn(async move {
        if let Ok(upgraded) = hyper::upgrade::on(&mut request).await {
            tokio::select! {
                () = relay(TokioIo::new(upgraded), &passage) => {}
                () = passage.cut() => {}
            }
        }
    });
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, key);
    response
}

/// Ends when either side ends.
async fn relay(client: impl AsyncRead + AsyncWrite + Unpin, passage: &Passage) {
    let url = format!("{}/websocket", passage.upstream.rpc.replacen("http", "ws", 1));
    let Ok((node, _)) = tokio_tungstenite::connect_async(url).await else { return };
    let client = WebSocketStream::from_raw_socket(client, Role::Server, None).await;
    let ((mut to_client, mut from_client), (mut to_node, mut from_node)) = (client.split(), node.split());
    let mut watched = passage.faults.clone();
    let mut held = Held::default();
    loop {
        let faults = watched.borrow_and_update().clone();
        while let Some(message) = held.pop(&faults) {
            if to_client.send(message).await.is_err() {
                return;
            }
        }
        tokio::select! {
            message = from_client.next() => match message {
                // Pings are each side's own and answered by the library.
                Some(Ok(message)) if message.is_ping() || message.is_pong() => {}
                Some(Ok(message)) => if to_node.send(message).await.is_err() { return },
                _ => return,
            },
            message = from_node.next() => match message {
                Some(Ok(message)) if message.is_ping() || message.is_pong() => {}
                Some(Ok(message)) => if !held.push(message, &faults) { return },
                _ => return,
            },
            () = sleep(held.wait(&faults)) => {}
            changed = watched.changed() => if changed.is_err() { return },
        }
    }
}
