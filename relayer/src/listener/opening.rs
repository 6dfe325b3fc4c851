use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::activity::Activity;

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Http1,
    Http2,
}

/// A stream, and what was read of it and not used yet: a few bytes that tell the version, or what HTTP left when it was taken apart.
#[derive(Debug)]
pub(super) struct Opening<T> {
    unread: Bytes,
    stream: T,
    /// Its peer is known to speak HTTP/1.
    is_http1: bool,
    watcher: Option<Arc<Activity>>,
}

impl<T: AsyncRead + Unpin> Opening<T> {
    pub(super) fn new(stream: T) -> Self {
        Self { unread: Bytes::new(), stream, is_http1: false, watcher: None }
    }

    /// Reads as much as it takes to tell the version.
    pub(super) async fn version(&mut self) -> io::Result<Version> {
        if self.is_http1 && !self.unread.is_empty() {
            return Ok(Version::Http1);
        }
        let (mut read, mut length) = ([0; PREFACE.len()], 0);
        while length < read.len() && read[..length] == PREFACE[..length] {
            let count = self.stream.read(&mut read[length..]).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            length += count;
            if self.is_http1 {
                break;
            }
        }
        let is_http2 = !self.is_http1 && read == *PREFACE;
        self.is_http1 = !is_http2;
        self.unread = Bytes::copy_from_slice(&read[..length]);
        Ok(if is_http2 { Version::Http2 } else { Version::Http1 })
    }

    /// Lets somebody know whether writes wait.
    pub(super) fn watched_by(self, watcher: Arc<Activity>) -> Self {
        Self { watcher: Some(watcher), ..self }
    }

    /// Puts back what was read and not used.
    pub(super) fn with_unread(self, unread: Bytes) -> Self {
        Self { unread, ..self }
    }
}

impl<T> Opening<T> {
    fn note<R>(&self, outcome: Poll<R>) -> Poll<R> {
        if let Some(watcher) = &self.watcher {
            watcher.set_writing(outcome.is_pending());
        }
        outcome
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Opening<T> {
    /// First what was read before, together with whatever else is there: a reader that gets a few bytes only makes more room.
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let count = self.unread.len().min(buffer.remaining());
        buffer.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        if buffer.remaining() > 0 {
            // Bytes were given already, so that an error, an end or a wait comes with the next read.
            let _ = Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Opening<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.note(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    async fn opened(first: &[u8], rest: &[u8]) -> (Version, Vec<u8>) {
        let (ours, mut theirs) = duplex(256);
        let (first, rest) = (first.to_vec(), rest.to_vec());
        let peer = tokio::spawn(async move {
            theirs.write_all(&first).await.unwrap();
            tokio::task::yield_now().await;
            theirs.write_all(&rest).await.unwrap();
        });
        let mut opening = Opening::new(ours);
        let version = opening.version().await.unwrap();
        let mut read = Vec::new();
        opening.read_to_end(&mut read).await.unwrap();
        peer.await.unwrap();
        (version, read)
    }

    #[tokio::test]
    async fn the_version_is_told_from_the_first_bytes_and_none_of_them_is_lost() {
        for (first, rest, version) in [
            (&b"GET / HTTP/1.1\r\n"[..], &b"host: a\r\n\r\n"[..], Version::Http1),
            (b"P", b"OST / HTTP/1.1\r\n\r\n", Version::Http1),
            (b"PRI * HTTP/1.1\r\n", b"\r\n", Version::Http1),
            (b"PRI * HTTP/2.0\r\n\r\n", b"SM\r\n\r\nframes", Version::Http2),
        ] {
            assert_eq!(opened(first, rest).await, (version, [first, rest].concat()));
        }
    }

    #[tokio::test]
    async fn a_peer_that_leaves_without_a_word_is_no_version() {
        let (ours, theirs) = duplex(16);
        drop(theirs);
        assert_eq!(Opening::new(ours).version().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn what_was_left_unread_comes_first() {
        let (ours, mut theirs) = duplex(64);
        theirs.write_all(b"GET /a").await.unwrap();
        let mut opening = Opening::new(ours);
        assert_eq!(opening.version().await.unwrap(), Version::Http1);
        let mut opening = opening.with_unread(Bytes::from_static(b"PRI"));
        assert_eq!(opening.version().await.unwrap(), Version::Http1, "it spoke HTTP/1 before");
        let mut read = [0; 3];
        opening.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"PRI");
    }
}
