//! A connection from its first byte to its end.
//!
//! HTTP needs some 20 KiB for each connection, most of which wait for their next request most of the time. One that has been
//! idle for a moment therefore *rests*: its HTTP state is taken apart, and only the stream is kept until it can be read again.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prometheus_client::metrics::gauge::Gauge;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::MissedTickBehavior;

use super::activity::{Activity, Held};
use super::guard::guarded;
use super::opening::{Opening, Version};
use super::patient::Patient;
use super::{Listener, ReplyBody};

/// How long a connection has been idle when it goes to rest, at least; at most twice as long.
const REST_AFTER: Duration = Duration::from_secs(1);

/// The connection that a request came on. Whoever goes on with it after an upgrade holds this, so that it counts as open.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    _seat: Arc<Seat>,
    activity: Arc<Activity>,
}

/// A place among the connections.
#[derive(Debug)]
struct Seat {
    _permit: OwnedSemaphorePermit,
    connections: Gauge,
}

/// The settings of both versions of HTTP.
#[derive(Debug, Clone)]
pub(super) struct Servers {
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<TokioExecutor>,
}

impl Caller {
    fn new(permit: OwnedSemaphorePermit, connections: Gauge) -> Self {
        connections.inc();
        Self { _seat: Arc::new(Seat { _permit: permit, connections }), activity: Arc::default() }
    }

    /// The request was read to its end.
    pub(super) fn has_read(&self) {
        self.activity.has_read();
    }
}

/// Counts a connection that only waits.
struct Resting(Gauge);

impl Resting {
    fn new(resting: &Gauge) -> Self {
        resting.inc();
        Self(resting.clone())
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.dec();
    }
}

impl Listener {
    /// Serves a connection until its end.
    pub(super) async fn attend(self: &Arc<Self>, stream: TcpStream, servers: &Servers, permit: OwnedSemaphorePermit) {
        let caller = Caller::new(permit, self.pipeline.metrics.connections.clone());
        // Only latency is at stake.
        let _ = stream.set_nodelay(true);
        let stream = Patient::new(stream, self.limits.send_timeout.0);
        let Some(tls) = &self.tls else { return self.keep(stream, servers, caller).await };
        let handshake = Box::pin(tokio::time::timeout(self.limits.receive_timeout.0, tls.accept(stream)));
        match handshake.await {
            Ok(Ok(stream)) => Box::pin(self.keep(stream, servers, caller)).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// Conversations, and rests between them. What talks is on the heap, so that what rests is small.
    async fn keep<T>(self: &Arc<Self>, stream: T, servers: &Servers, caller: Caller)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let mut opening = Opening::new(stream);
        // A peer that never says anything would hold its place for ever.
        let mut patience = self.limits.receive_timeout.0;
        loop {
            let resting = Resting::new(&self.pipeline.metrics.resting);
            let version = tokio::select! {
                version = tokio::time::timeout(patience, opening.version()) => version,
                () = self.stop.cancelled() => return,
            };
            drop(resting);
            match version {
                Ok(Ok(Version::Http1)) => {}
                Ok(Ok(Version::Http2)) => return Box::pin(self.converse_http2(opening, servers, caller)).await,
                _ => return,
            }
            match Box::pin(self.converse(opening, servers, &caller)).await {
                Some(rested) => opening = rested,
                None => return,
            }
            patience = self.limits.idle_timeout.0;
        }
    }

    /// Answers requests until the peer is silent, then gives the stream back; `None` at its end. Once the relayer stops, the
    /// connection ends with the requests that are in progress.
    async fn converse<T>(self: &Arc<Self>, stream: Opening<T>, servers: &Servers, caller: &Caller) -> Option<Opening<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = &caller.activity;
        let before = activity.begun();
        let stream = stream.watched_by(Arc::clone(activity));
        let mut connection = servers.http1.serve_connection(TokioIo::new(stream), self.answers(caller)).with_upgrades();
        let mut silence = pin!(self.silence(activity, before));
        let mut look = tokio::time::interval(REST_AFTER);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut leaving = false;
        loop {
            tokio::select! {
                // A peer that breaks off is its own affair.
                _ = &mut connection => return None,
                () = &mut silence => return None,
                _ = look.tick(), if !leaving => {
                    // Not before an answer: what came of a request so far would be taken for the beginning of the next.
                    if activity.begun() != before && activity.may_rest() {
                        let parts = connection.into_parts()?;
                        return Some(parts.io.into_inner().with_unread(parts.read_buf));
                    }
                }
                () = self.stop.cancelled(), if !leaving => {
                    leaving = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
        }
    }

    /// The same over HTTP/2, whose connections are few and never rest.
    async fn converse_http2<T>(self: &Arc<Self>, stream: Opening<T>, servers: &Servers, caller: Caller)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        TokioIo<Opening<T>>: Read + Write,
    {
        let mut connection = pin!(servers.http2.serve_connection(TokioIo::new(stream), self.answers(&caller)));
        let mut silence = pin!(self.silence(&caller.activity, caller.activity.begun()));
        let mut leaving = false;
        loop {
            tokio::select! {
                _ = connection.as_mut() => return,
                () = &mut silence => return,
                () = self.stop.cancelled(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    fn answers(
        self: &Arc<Self>,
        caller: &Caller,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Held<ReplyBody>>,
        Error = Infallible,
        Future: Send + 'static,
    > + use<> {
        let (listener, caller) = (Arc::clone(self), caller.clone());
        service_fn(move |request: Request<Incoming>| {
            let (listener, caller) = (Arc::clone(&listener), caller.clone());
            let busy = caller.activity.begin();
            async move {
                // On the heap: otherwise every connection keeps room for the largest of all ways through here.
                let answer = Box::pin(Arc::clone(&listener).dispatch(request, caller));
                let response = guarded(&listener.pipeline.metrics.panics, answer).await;
                Ok::<_, Infallible>(response.map(|body| Held::new(body, busy)))
            }
        })
    }

    /// Returns when a peer that began to talk has not brought forth a request in time.
    async fn silence(&self, activity: &Activity, before: usize) {
        tokio::time::sleep(self.limits.receive_timeout.0).await;
        if activity.begun() != before {
            std::future::pending::<()>().await;
        }
    }
}
