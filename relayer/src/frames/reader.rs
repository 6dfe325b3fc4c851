use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::close::Close;
use super::frame::{Head, Kind, Opcode, Violation, apply_mask};

/// Memory for a beginning of a frame, and the step in which room is made for the rest: what is announced costs nothing
/// before it comes.
const STEP: usize = 4096;
const LARGE_STEP: usize = 64 << 10;
/// Messages up to this size are not worth counting.
const SMALL: usize = 1024;

/// Who is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// It masks what it sends.
    Gateway,
    /// It does not, and gets what we send masked.
    Node,
}

/// A whole message.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) opcode: Opcode,
    pub(crate) payload: Bytes,
    /// Its share of the memory for messages of all sockets.
    pub(crate) memory: Option<OwnedSemaphorePermit>,
}

/// What a peer sent.
#[derive(Debug)]
pub(crate) enum Incoming {
    Message(Message),
    Ping(Bytes),
    Pong,
    Close(Option<Close>),
}

/// Why nothing more can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// The connection ended without a close frame.
    Gone,
    /// A message has more bytes than allowed.
    TooBig,
    /// There is no memory left for messages.
    NoMemory,
    Violation(Violation),
}

/// Reads messages of at most `most` bytes, whatever frames they come in.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    io: R,
    peer: Peer,
    most: usize,
    buffer: BytesMut,
    /// The parts of a message so far.
    parts: Option<(Opcode, BytesMut)>,
    memory: Arc<Semaphore>,
    /// What the message that is being read takes of the memory.
    held: Option<OwnedSemaphorePermit>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// `memory` is counted in bytes and shared by all sockets.
    pub(crate) fn new(io: R, peer: Peer, most: usize, memory: Arc<Semaphore>) -> Self {
        Self { io, peer, most, buffer: BytesMut::new(), parts: None, memory, held: None }
    }

    /// The next frame that means something by itself. `None` after a part of a message whose end is still to come.
    pub(crate) async fn next(&mut self) -> Result<Option<Incoming>, Broken> {
        let head = self.head().await?;
        self.check(&head)?;
        let length = usize::try_from(head.length).unwrap_or(usize::MAX);
        let before = self.parts.as_ref().map_or(0, |(_, parts)| parts.len());
        if !head.kind.is_control() && length > self.most.saturating_sub(before) {
            return Err(Broken::TooBig);
        }
        let payload = self.payload(length, head.mask).await?;
        match head.kind {
            Kind::Ping => Ok(Some(Incoming::Ping(payload.freeze()))),
            Kind::Pong => Ok(Some(Incoming::Pong)),
            Kind::Close => {
                Close::parse(&payload.freeze()).map(|close| Some(Incoming::Close(close))).map_err(Broken::Violation)
            }
            Kind::Data(opcode) if head.last => Ok(Some(self.message(opcode, payload))),
            Kind::Data(opcode) => {
                self.parts = Some((opcode, payload));
                Ok(None)
            }
            Kind::Continuation => {
                let (opcode, mut parts) = self.parts.take().ok_or(Broken::Violation(Violation::Fragment))?;
                parts.unsplit(payload);
                if head.last {
                    return Ok(Some(self.message(opcode, parts)));
                }
                self.parts = Some((opcode, parts));
                Ok(None)
            }
        }
    }

    /// Takes in whatever still comes, until the other side closes.
    pub(crate) async fn discard(&mut self) {
        self.buffer.clear();
        self.buffer.reserve(STEP);
        while matches!(self.io.read_buf(&mut self.buffer).await, Ok(1..)) {
            self.buffer.clear();
        }
    }

    fn check(&self, head: &Head) -> Result<(), Broken> {
        let violation = match head.kind {
            _ if head.mask.is_some() != (self.peer == Peer::Gateway) => Violation::Mask,
            Kind::Continuation if self.parts.is_none() => Violation::Fragment,
            Kind::Data(_) if self.parts.is_some() => Violation::Fragment,
            _ => return Ok(()),
        };
        Err(Broken::Violation(violation))
    }

    async fn head(&mut self) -> Result<Head, Broken> {
        loop {
            match Head::parse(&self.buffer) {
                Ok(Some((head, size))) => {
                    let _ = self.buffer.split_to(size);
                    return Ok(head);
                }
                Ok(None) => self.fill(STEP).await?,
                Err(violation) => return Err(Broken::Violation(violation)),
            }
        }
    }

    async fn payload(&mut self, length: usize, mask: Option<[u8; 4]>) -> Result<BytesMut, Broken> {
        let mut counted = SMALL;
        while counted < length {
            // Step by step as it comes: what is only announced takes nothing from others.
            let step = (length - counted).min(LARGE_STEP);
            self.hold(step)?;
            counted += step;
            while self.buffer.len() < counted {
                self.fill(counted - self.buffer.len()).await?;
            }
        }
        while self.buffer.len() < length {
            self.fill(length - self.buffer.len()).await?;
        }
        let mut payload = self.buffer.split_to(length);
        if self.buffer.is_empty() {
            // An idle connection keeps no memory of its last message.
            self.buffer = BytesMut::new();
        }
        if let Some(mask) = mask {
            apply_mask(&mut payload, mask, 0);
        }
        Ok(payload)
    }

    fn hold(&mut self, bytes: usize) -> Result<(), Broken> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.memory).try_acquire_many_owned(bytes).map_err(|_| Broken::NoMemory)?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }

    fn message(&mut self, opcode: Opcode, payload: BytesMut) -> Incoming {
        Incoming::Message(Message { opcode, payload: payload.freeze(), memory: self.held.take() })
    }

    async fn fill(&mut self, room: usize) -> Result<(), Broken> {
        self.buffer.reserve(room);
        match self.io.read_buf(&mut self.buffer).await {
            Ok(1..) => Ok(()),
            Ok(0) | Err(_) => Err(Broken::Gone),
        }
    }
}
