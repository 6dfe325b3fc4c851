use std::net::SocketAddr;

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use relay_core::client::{OpenSession, sign_request};
use relay_core::proto::pocket::service::{RelayRequest, RelayResponse};
use relay_core::relay::{decode_response, encode_request, verify_response};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::super::stage::{SERVICE, Stage, within};

/// A gateway with one socket.
pub(crate) struct Gateway {
    pub(crate) socket: WebSocketStream<TcpStream>,
}

impl Stage {
    /// A signed message for the session of now.
    pub(super) async fn message(&self, payload: impl Into<Bytes>) -> RelayRequest {
        self.message_in(&self.session().await, payload)
    }

    pub(super) fn message_in(&self, session: &OpenSession, payload: impl Into<Bytes>) -> RelayRequest {
        sign_request(&session.header, &session.ring, &self.supplier(), payload.into(), &self.key("app1")).unwrap()
    }

    pub(super) async fn gateway(&self) -> Gateway {
        Gateway::open(self.running.relays, "/", &[("target-service-id", SERVICE)]).await.unwrap()
    }

    /// The answer of the supplier in a response that it signed.
    pub(super) fn opened(&self, response: &[u8]) -> Bytes {
        self.signed(response).payload
    }

    pub(super) fn signed(&self, response: &[u8]) -> RelayResponse {
        let response = decode_response(Bytes::copy_from_slice(response)).unwrap();
        verify_response(&response, self.key("supplier1").public_key()).unwrap();
        assert_eq!(response.payload_hash, Sha256::digest(&response.payload).to_vec());
        response
    }
}

impl Gateway {
    /// A refusal comes back as the status and body of the handshake.
    pub(crate) async fn open(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, String)> {
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        match within(tokio_tungstenite::client_async(request, stream)).await {
            Ok((socket, response)) => {
                assert!(response.headers().get("sec-websocket-extensions").is_none(), "nothing was negotiated");
                Ok(Self { socket })
            }
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("neither a socket nor a status: {error}"),
        }
    }

    pub(crate) async fn send(&mut self, request: &RelayRequest) {
        self.socket.send(Message::Binary(encode_request(request).into())).await.unwrap();
    }

    /// The next message that is none of the protocol's own.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            let message = within(self.socket.next()).await.expect("the socket ended without a close frame");
            match message.expect("the socket broke") {
                Message::Ping(_) | Message::Pong(_) => {}
                message => return message,
            }
        }
    }

    /// Code and reason of the close frame that comes next.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        match self.next().await {
            Message::Close(Some(frame)) => (frame.code.into(), frame.reason.as_str().to_owned()),
            Message::Close(None) => (1005, String::new()),
            other => panic!("a close frame was expected, not {other:?}"),
        }
    }
}
