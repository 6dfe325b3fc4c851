//! The port where gateways send relays: HTTP/1.1 and HTTP/2 with prior knowledge, told apart by their first bytes.
//!
//! ```text
//! listener ─▶ connection ─▶ dispatch ─┬─▶ health
//!                                     ├─▶ the socket's, gRPC's and gRPC-Web's own ways
//!                                     └─▶ http: a relay and its answer
//! ```

mod activity;
mod body;
mod connection;
mod dispatch;
mod grpc;
mod guard;
mod gzip;
mod health;
mod http;
mod intake;
mod opening;
mod patient;
mod stream;
mod tls;
mod websocket;

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{CompressionConfig, LimitsConfig, WebSocketConfig};
use crate::pipeline::{Budget, Pipeline, Place};
use crate::refusal::Refusal;

pub(crate) use body::ReplyBody;
pub(crate) use connection::Caller;
use connection::Servers;
pub(crate) use tls::Tls;
pub use tls::TlsError;
use websocket::Sockets;

/// Dead peers of HTTP/2 are noticed by unanswered pings.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Resets that a peer may cause before its connection is closed.
const MOST_RESETS: usize = 64;
/// Of a drain, so long before its end streams are cut.
const RECORD_TIME: Duration = Duration::from_secs(5);
const NO_DESCRIPTORS_PAUSE: Duration = Duration::from_millis(50);

/// Accepts connections and answers their requests.
pub(crate) struct Listener {
    pub(crate) pipeline: Arc<Pipeline>,
    pub(crate) limits: LimitsConfig,
    /// Everything that goes on beyond a single request: connections, sockets, streams. The end waits for all of it.
    pub(crate) tasks: TaskTracker,
    /// No new connections; those that are open, and sockets and streams, finish what they do and end.
    pub(crate) stop: CancellationToken,
    /// Streams that are still going on are cut, signed and recorded.
    cut: CancellationToken,
    tls: Option<Arc<Tls>>,
    compression: CompressionConfig,
    sockets: Sockets,
    places: Arc<Semaphore>,
    /// Bodies that are being read.
    reading: Semaphore,
    /// Memory for bodies.
    bodies: Arc<Budget>,
    in_flight: Arc<Semaphore>,
}

impl Listener {
    pub(crate) fn new(
        pipeline: Arc<Pipeline>,
        limits: LimitsConfig,
        compression: CompressionConfig,
        websocket: WebSocketConfig,
        tls: Option<Arc<Tls>>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            pipeline,
            tasks: TaskTracker::new(),
            stop,
            cut: CancellationToken::new(),
            tls,
            compression,
            sockets: Sockets::new(websocket),
            places: Arc::new(Semaphore::new(limits.connections)),
            reading: Semaphore::new(limits.connections),
            bodies: Budget::new(limits.body_bytes),
            in_flight: Arc::new(Semaphore::new(limits.in_flight)),
            limits,
        })
    }

    /// Accepts until the stop, then tells every peer to go away and waits for what is in progress. `false` when some of it
    /// was still not finished at the deadline, counted from the stop.
    pub(crate) async fn serve(self: Arc<Self>, socket: TcpListener, drain: Duration) -> bool {
        let servers = Arc::new(self.servers());
        loop {
            // A place first: while there is none, the system's own queue holds callers back.
            let next = async {
                let place = Arc::clone(&self.places).acquire_owned().await;
                (place, socket.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = self.stop.cancelled() => break,
                next = next => next,
            };
            let (Ok(place), Ok((stream, _))) = (place, accepted) else {
                tokio::time::sleep(NO_DESCRIPTORS_PAUSE).await;
                continue;
            };
            let (listener, servers) = (Arc::clone(&self), Arc::clone(&servers));
            self.tasks.spawn(async move { listener.attend(stream, &servers, place).await });
        }
        drop(socket);
        self.tasks.close();
        let deadline = Instant::now() + drain;
        // Streams may have no end of their own. What is left of the drain then is for their records.
        if self.finished(deadline - RECORD_TIME.min(drain / 2)).await {
            return true;
        }
        self.cut.cancel();
        self.finished(deadline).await
    }

    /// A relay goes on when its caller leaves, so closed connections do not mean that nothing is in progress.
    async fn finished(&self, deadline: Instant) -> bool {
        let all = u32::try_from(self.limits.in_flight).unwrap_or(u32::MAX);
        let finished = async {
            self.tasks.wait().await;
            self.in_flight.acquire_many(all).await.is_ok()
        };
        tokio::time::timeout_at(deadline, finished).await.unwrap_or(false)
    }

    /// A place among the relays in progress, or the refusal of what is too much. Ask before a body is read: what is refused
    /// must cost nothing.
    pub(crate) fn place(&self) -> Result<Place, Refusal> {
        let permit: OwnedSemaphorePermit =
            Arc::clone(&self.in_flight).try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
        Ok(Place::new(permit, self.pipeline.metrics.in_flight.clone()))
    }

    fn servers(&self) -> Servers {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle_timeout.0)
            .max_buf_size(self.limits.header_bytes);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.limits.streams)
            .max_header_list_size(u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX))
            .max_pending_accept_reset_streams(MOST_RESETS)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT);
        Servers { http1, http2 }
    }
}
