//! HTTP/1.1 between programs that know each other: as cheap as can be, so that what is measured is the relayer.

use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Error;

const READ_BYTES: usize = 16 << 10;
const PATIENCE: Duration = Duration::from_secs(30);

/// What came from the other side and was not taken yet.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    taken: usize,
}

/// A whole message: its first line's three digits, if it is an answer, and its body.
pub(crate) struct Message<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

/// A connection for one call after the other.
pub(crate) struct Caller {
    stream: TcpStream,
    inbox: Inbox,
}

impl Inbox {
    /// Reads until a message is complete.
    pub(crate) fn message(&mut self, stream: &mut impl Read) -> io::Result<Message<'_>> {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        let head = loop {
            if let Some(end) = find(&self.bytes, b"\r\n\r\n") {
                break end + 4;
            }
            self.more(stream)?;
        };
        let length = content_length(&self.bytes[..head]);
        while self.bytes.len() < head + length {
            self.more(stream)?;
        }
        self.taken = head + length;
        let status = self.bytes.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        Ok(Message { status: status.unwrap_or(0), body: &self.bytes[head..head + length] })
    }

    fn more(&mut self, stream: &mut impl Read) -> io::Result<()> {
        let before = self.bytes.len();
        self.bytes.resize(before + READ_BYTES, 0);
        let read = stream.read(&mut self.bytes[before..])?;
        self.bytes.truncate(before + read);
        if read == 0 { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let lengths = head.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lengths.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

impl Caller {
    pub(crate) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, inbox: Inbox::default() })
    }

    /// Sends a whole request and waits for its answer.
    pub(crate) fn call(&mut self, request: &[u8]) -> io::Result<Message<'_>> {
        self.stream.write_all(request)?;
        self.inbox.message(&mut self.stream)
    }

    /// Asks for a path.
    pub(crate) fn get(&mut self, path: &str) -> io::Result<Message<'_>> {
        self.call(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes())
    }
}

/// The bytes of a `POST` to `/`.
pub(crate) fn post(content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("POST / HTTP/1.1\r\nhost: bench\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// Waits until somebody listens.
pub(crate) fn wait_for(address: SocketAddr) -> Result<(), Error> {
    let until = Instant::now() + PATIENCE;
    while let Err(error) = TcpStream::connect(address) {
        if Instant::now() > until {
            return Err(Error::io("reach a server that was just started")(error));
        }
        sleep(Duration::from_millis(1));
    }
    Ok(())
}
