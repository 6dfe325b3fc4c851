use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::HeaderMap;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::super::stage::within;

/// A node that does what it is told by the messages it gets. Anything else it sends back.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    messages: Mutex<Vec<Message>>,
    handshakes: Mutex<Vec<(String, HeaderMap)>>,
    open: AtomicUsize,
    talkative: AtomicBool,
}

impl Node {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, seen) = (listener.local_addr().unwrap(), Arc::<Seen>::default());
        let task = tokio::spawn(serve(listener, Arc::clone(&seen)));
        Self { address, seen, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/socket?key=1", self.address)
    }

    /// Makes it talk before anybody has asked.
    pub(crate) fn talk(&self) {
        self.seen.talkative.store(true, Ordering::Relaxed);
    }

    /// Everything that reached it, without pings.
    pub(crate) fn messages(&self) -> Vec<Message> {
        self.seen.messages.lock().unwrap().clone()
    }

    /// Paths and headers of its handshakes.
    pub(crate) fn handshakes(&self) -> Vec<(String, HeaderMap)> {
        self.seen.handshakes.lock().unwrap().clone()
    }

    pub(crate) fn open(&self) -> usize {
        self.seen.open.load(Ordering::SeqCst)
    }

    /// Waits until so many sockets are open.
    pub(crate) async fn until_open(&self, sockets: usize) {
        within(async {
            while self.open() != sockets {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        })
        .await;
    }

    /// Waits for the close frame of the relayer.
    pub(crate) async fn closed(&self) -> (u16, String) {
        within(async {
            loop {
                let closed = self.messages().into_iter().find_map(|message| match message {
                    Message::Close(frame) => Some(frame),
                    _ => None,
                });
                match closed {
                    Some(Some(frame)) => return (frame.code.into(), frame.reason.as_str().to_owned()),
                    Some(None) => return (1005, String::new()),
                    None => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
                }
            }
        })
        .await
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, seen: Arc<Seen>) {
    let mut sockets = JoinSet::new(); // ends with this task
    while let Ok((stream, _)) = listener.accept().await {
        let seen = Arc::clone(&seen);
        sockets.spawn(async move {
            seen.open.fetch_add(1, Ordering::SeqCst);
            // A peer that breaks off is one of the cases.
            let _ = attend(stream, &seen).await;
            seen.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

// The library wants it so.
#[allow(clippy::result_large_err)]
async fn attend(stream: TcpStream, seen: &Seen) -> Result<(), tokio_tungstenite::tungstenite::Error> {
    let note = |request: &Request, response: Response| {
        let handshake = (request.uri().to_string(), request.headers().clone());
        seen.handshakes.lock().unwrap().push(handshake);
        Ok(response)
    };
    let mut socket = tokio_tungstenite::accept_hdr_async(stream, note).await?;
    if seen.talkative.load(Ordering::Relaxed) {
        socket.send(Message::text("before anybody has asked")).await?;
    }
    while let Some(message) = socket.next().await {
        let message = message?;
        if matches!(message, Message::Ping(_) | Message::Pong(_)) {
            continue;
        }
        seen.messages.lock().unwrap().push(message.clone());
        if !obey(&mut socket, message).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// `false` when the connection is to be dropped.
async fn obey(
    socket: &mut WebSocketStream<TcpStream>,
    message: Message,
) -> Result<bool, tokio_tungstenite::tungstenite::Error> {
    if message.is_close() {
        return Ok(true);
    }
    let bytes = message.clone().into_data();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    // Answers are of the kind of their question.
    let like = |answer: Bytes| {
        if message.is_text() {
            Message::text(String::from_utf8(answer.into()).unwrap())
        } else {
            Message::Binary(answer)
        }
    };
    let words: Vec<&str> = text.splitn(3, ' ').collect();
    match words[..] {
        ["subscribe", pushes] => {
            for push in 0..pushes.parse().unwrap() {
                socket.send(like(format!("push {push}").into())).await?;
            }
        }
        ["repeat", pushes] => {
            for _ in 0..pushes.parse().unwrap() {
                socket.send(like("the same".into())).await?;
            }
        }
        ["big", size] => socket.send(like(vec![b'x'; size.parse().unwrap()].into())).await?,
        ["nothing"] => {
            socket.send(like(Bytes::new())).await?;
            socket.send(like("something".into())).await?;
        }
        ["answer-and-close", code, reason] => {
            socket.send(like("the last".into())).await?;
            let code = CloseCode::from(code.parse::<u16>().unwrap());
            socket.close(Some(CloseFrame { code, reason: reason.into() })).await?;
        }
        ["silent"] => {}
        ["drop"] => return Ok(false),
        _ => socket.send(message).await?,
    }
    Ok(true)
}
