use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::metrics::backend::Meter;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Makes TCP connections, measures how long that takes, and marks each with whether it has served.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) connector: HttpConnector,
    pub(super) meter: Meter,
}

/// A mark on a connection that all answers over it carry.
#[derive(Debug, Clone, Default)]
pub(super) struct HasServed(Arc<AtomicBool>);

impl HasServed {
    /// Whether an answer came over this connection before. From now on one did.
    pub(super) fn again(&self) -> bool {
        self.0.swap(true, Ordering::Relaxed)
    }
}

impl Service<Uri> for Dial {
    type Response = Dialled;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Dialled, Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (began, times) = (Instant::now(), self.meter.dial.clone());
        let connecting = self.connector.call(uri);
        Box::pin(async move {
            let stream = connecting.await?;
            times.observe(began.elapsed().as_secs_f64());
            Ok(Dialled { stream, has_served: HasServed::default() })
        })
    }
}

/// A TCP connection with its mark.
#[derive(Debug)]
pub(super) struct Dialled {
    stream: TokioIo<TcpStream>,
    has_served: HasServed,
}

impl Connection for Dialled {
    fn connected(&self) -> Connected {
        self.stream.connected().extra(self.has_served.clone())
    }
}

impl Read for Dialled {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Dialled {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }
}
