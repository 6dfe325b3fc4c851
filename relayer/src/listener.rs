//! The port where gateways send relays: HTTP/1.1 and HTTP/2 with prior knowledge, told apart by their first bytes.

mod answer;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::LimitsConfig;
use crate::pipeline::Pipeline;

/// Dead peers of HTTP/2 are noticed by unanswered pings.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Resets that a peer may cause before its connection is closed.
const MOST_RESETS: usize = 64;
const NO_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections and answers their requests.
pub(crate) struct Listener {
    pipeline: Arc<Pipeline>,
    limits: LimitsConfig,
    places: Arc<Semaphore>,
    in_flight: Arc<Semaphore>,
}

impl Listener {
    pub(crate) fn new(pipeline: Arc<Pipeline>, limits: LimitsConfig) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(limits.connections));
        let in_flight = Arc::new(Semaphore::new(limits.in_flight));
        Arc::new(Self { pipeline, limits, places, in_flight })
    }

    /// Accepts until `stop`, then tells every peer to go away and waits for requests in progress. `false` when some were
    /// still not finished at the deadline, counted from the stop.
    pub(crate) async fn serve(self: Arc<Self>, socket: TcpListener, stop: CancellationToken, drain: Duration) -> bool {
        let graceful = GracefulShutdown::new();
        let server = self.server();
        loop {
            // A place first: while there is none, the system's own queue holds callers back.
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (place, socket.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = stop.cancelled() => break,
                next = next => next,
            };
            let (Ok(place), Ok((stream, _))) = (place, accepted) else {
                tokio::time::sleep(NO_DESCRIPTORS_PAUSE).await;
                continue;
            };
            let (listener, server, watcher) = (Arc::clone(&self), server.clone(), graceful.watcher());
            tokio::spawn(async move {
                listener.pipeline.metrics.connections.inc();
                listener.attend(stream, &server, watcher).await;
                listener.pipeline.metrics.connections.dec();
                drop(place);
            });
        }
        drop(socket);
        let deadline = Instant::now() + drain;
        if tokio::time::timeout_at(deadline, graceful.shutdown()).await.is_err() {
            return false;
        }
        self.relays_finished(deadline).await
    }

    /// A relay goes on when its caller leaves, so closed connections do not mean that nothing is in progress.
    async fn relays_finished(&self, deadline: Instant) -> bool {
        let all = u32::try_from(self.limits.in_flight).unwrap_or(u32::MAX);
        tokio::time::timeout_at(deadline, self.in_flight.acquire_many(all)).await.is_ok()
    }

    fn server(&self) -> auto::Builder<TokioExecutor> {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle_timeout.0)
            .max_buf_size(self.limits.header_bytes);
        server
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(MOST_RESETS)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT);
        server
    }

    async fn attend(self: &Arc<Self>, stream: TcpStream, server: &auto::Builder<TokioExecutor>, watcher: Watcher) {
        // Only latency is at stake.
        let _ = stream.set_nodelay(true);
        let spoke = Arc::new(AtomicBool::new(false));
        let service = service_fn(|request: Request<Incoming>| {
            spoke.store(true, Ordering::Relaxed);
            let listener = Arc::clone(self);
            async move { Ok::<Response<Full<bytes::Bytes>>, Infallible>(listener.answer(request).await) }
        });
        let connection = watcher.watch(server.serve_connection(TokioIo::new(stream), service));
        let silence = async {
            tokio::time::sleep(self.limits.receive_timeout.0).await;
            if spoke.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            // A peer that breaks off is its own affair.
            _ = connection => {}
            // One that never says anything would hold its place for ever.
            () = silence => {}
        }
    }
}
