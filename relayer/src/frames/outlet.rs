use std::time::Duration;

use bytes::buf::Chain;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::close::Close;
use super::frame::{Head, Kind, MOST_HEAD, apply_mask};
use super::reader::{Message, Peer};

/// Nothing more can be sent: the connection broke, or the peer does not take anything in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stuck;

/// The only way to a peer: whole frames, one after the other, each in bounded time.
#[derive(Debug)]
pub(crate) struct Outlet<W> {
    peer: Peer,
    timeout: Duration,
    writer: Mutex<Writer<W>>,
}

#[derive(Debug)]
struct Writer<W> {
    io: W,
    /// What is still missing of the last frame, if its sender gave up.
    rest: Chain<Bytes, Bytes>,
}

impl<W: AsyncWrite + Unpin> Outlet<W> {
    /// Each frame has to be taken within `timeout`.
    pub(crate) fn new(io: W, peer: Peer, timeout: Duration) -> Self {
        Self { peer, timeout, writer: Mutex::new(Writer { io, rest: Bytes::new().chain(Bytes::new()) }) }
    }

    pub(crate) async fn message(&self, message: Message) -> Result<(), Stuck> {
        self.send(Kind::Data(message.opcode), message.payload, Instant::now() + self.timeout).await
    }

    pub(crate) async fn ping(&self) -> Result<(), Stuck> {
        self.send(Kind::Ping, Bytes::new(), Instant::now() + self.timeout).await
    }

    pub(crate) async fn pong(&self, payload: Bytes) -> Result<(), Stuck> {
        self.send(Kind::Pong, payload, Instant::now() + self.timeout).await
    }

    /// Says good-bye: nothing can be sent afterwards. A frame that was begun is finished first.
    pub(crate) async fn close(&self, close: Option<&Close>, deadline: Instant) -> Result<(), Stuck> {
        let payload = close.map(Close::payload).unwrap_or_default();
        self.send(Kind::Close, payload, deadline).await?;
        let mut writer = self.writer.lock().await;
        let shut = tokio::time::timeout_at(deadline, writer.io.shutdown()).await;
        shut.ok().and_then(Result::ok).ok_or(Stuck)
    }

    async fn send(&self, kind: Kind, payload: Bytes, deadline: Instant) -> Result<(), Stuck> {
        let (head, payload) = self.frame(kind, payload);
        let sending = async {
            let mut writer = self.writer.lock().await;
            writer.drain().await?;
            writer.rest = head.chain(payload);
            writer.drain().await
        };
        match tokio::time::timeout_at(deadline, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Stuck),
        }
    }

    fn frame(&self, kind: Kind, payload: Bytes) -> (Bytes, Bytes) {
        let mask = (self.peer == Peer::Node).then(rand::random::<[u8; 4]>);
        let head = Head { last: true, kind, mask, length: payload.len() as u64 };
        let mut bytes = BytesMut::with_capacity(MOST_HEAD);
        head.write(&mut bytes);
        let payload = match mask {
            Some(mask) => {
                let mut masked = BytesMut::from(&payload[..]);
                apply_mask(&mut masked, mask, 0);
                masked.freeze()
            }
            None => payload,
        };
        (bytes.freeze(), payload)
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// Can be given up and taken up again at any byte.
    async fn drain(&mut self) -> std::io::Result<()> {
        while self.rest.has_remaining() {
            if self.io.write_buf(&mut self.rest).await? == 0 {
                return Err(std::io::ErrorKind::WriteZero.into());
            }
        }
        // What was sent is not kept.
        self.rest = Bytes::new().chain(Bytes::new());
        self.io.flush().await
    }
}
