use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::Listener;
use super::guard::guarded;
use super::patient::Patient;

/// The connection that a request came on. Whoever goes on with it after an upgrade holds this, so that it counts as open.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    _seat: Arc<Seat>,
}

/// A place among the connections.
#[derive(Debug)]
struct Seat {
    _permit: OwnedSemaphorePermit,
    connections: Gauge,
}

impl Caller {
    fn new(permit: OwnedSemaphorePermit, connections: Gauge) -> Self {
        connections.inc();
        Self { _seat: Arc::new(Seat { _permit: permit, connections }) }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

impl Listener {
    /// Serves a connection until its end.
    pub(super) async fn attend(
        self: &Arc<Self>,
        stream: TcpStream,
        server: &auto::Builder<TokioExecutor>,
        permit: OwnedSemaphorePermit,
    ) {
        let caller = Caller::new(permit, self.pipeline.metrics.connections.clone());
        // Only latency is at stake.
        let _ = stream.set_nodelay(true);
        let stream = Patient::new(stream, self.limits.send_timeout.0);
        let Some(tls) = &self.tls else { return self.converse(stream, server, caller).await };
        let handshake = tokio::time::timeout(self.limits.receive_timeout.0, tls.accept(stream));
        match handshake.await {
            Ok(Ok(stream)) => self.converse(stream, server, caller).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// Answers requests. Once the relayer stops, the connection ends with those that are in progress.
    async fn converse<T>(self: &Arc<Self>, stream: T, server: &auto::Builder<TokioExecutor>, caller: Caller)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let spoke = Arc::new(AtomicBool::new(false));
        let service = service_fn(|request: Request<Incoming>| {
            spoke.store(true, Ordering::Relaxed);
            let (listener, caller) = (Arc::clone(self), caller.clone());
            async move {
                // On the heap: otherwise every idle connection keeps room for the largest of all ways through here.
                let answer = Box::pin(Arc::clone(&listener).dispatch(request, caller));
                Ok::<_, Infallible>(guarded(&listener.pipeline.metrics.panics, answer).await)
            }
        });
        let mut connection = pin!(server.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let mut silence = pin!(async {
            tokio::time::sleep(self.limits.receive_timeout.0).await;
            if spoke.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        });
        let mut leaving = false;
        loop {
            tokio::select! {
                // A peer that breaks off is its own affair.
                _ = connection.as_mut() => return,
                // One that never says anything would hold its place for ever.
                () = &mut silence => return,
                () = self.stop.cancelled(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
