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
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use super::Listener;
use super::guard::guarded;

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
    /// Serves a connection until its end. Once the relayer stops, it ends with the requests that are in progress.
    pub(super) async fn attend(
        self: &Arc<Self>,
        stream: TcpStream,
        server: &auto::Builder<TokioExecutor>,
        permit: OwnedSemaphorePermit,
    ) {
        let caller = Caller::new(permit, self.pipeline.metrics.connections.clone());
        // Only latency is at stake.
        let _ = stream.set_nodelay(true);
        let spoke = Arc::new(AtomicBool::new(false));
        let service = service_fn(|request: Request<Incoming>| {
            spoke.store(true, Ordering::Relaxed);
            let (listener, caller) = (Arc::clone(self), caller.clone());
            async move {
                let answer = Arc::clone(&listener).dispatch(request, caller);
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
