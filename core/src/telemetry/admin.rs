use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::process::{Process, count_panics};
use super::{Probes, TelemetryError, log_level};

/// More callers than a Prometheus pair, kubelet, the operator and a few people need.
const MAX_CONNECTIONS: usize = 64;
/// A caller that has not sent its request by then is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection lives no longer than this, so that idle callers cannot hold all places.
const CONNECTION_LIMIT: Duration = Duration::from_mins(2);
const MAX_LEVEL_BYTES: usize = 1024;

/// The administration port of a role: metrics, health, readiness, status and the log level.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
}

impl AdminServer {
    /// Opens the port. `address` as in `0.0.0.0:9090`; port 0 picks a free one.
    pub async fn bind(address: &str) -> Result<Self, TelemetryError> {
        let refuse =
            |error: std::io::Error| TelemetryError::Bind { address: address.to_owned(), reason: error.to_string() };
        Ok(Self { listener: TcpListener::bind(address).await.map_err(refuse)? })
    }

    /// The address that was opened.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers until `stop` is cancelled. Stop it last, so that a role is visible while it shuts down.
    pub async fn serve(self, mut registry: Registry, probes: Arc<dyn Probes>, stop: CancellationToken) {
        count_panics();
        registry.register_collector(Box::new(Process));
        let desk = Arc::new(Desk { registry, probes });
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, caller)) = accepted else {
                // Out of file descriptors, most likely; trying at once again would spin.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            let (desk, stop) = (Arc::clone(&desk), stop.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = stop.cancelled() => {}
                    _ = tokio::time::timeout(CONNECTION_LIMIT, desk.attend(stream, caller)) => {}
                }
                drop(place);
            });
        }
    }
}

struct Desk {
    registry: Registry,
    probes: Arc<dyn Probes>,
}

impl Desk {
    async fn attend(self: Arc<Self>, stream: TcpStream, caller: SocketAddr) {
        let service = service_fn(move |request| {
            let desk = Arc::clone(&self);
            async move { Ok::<_, Infallible>(desk.answer(request, caller).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        // A caller that breaks off is its own affair.
        let _ = connection.await;
    }

    async fn answer(&self, request: Request<Incoming>, caller: SocketAddr) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/metrics") => self.metrics(),
            (&Method::GET, "/health") => {
                let stalled = self.probes.stalled();
                json_reply(alive(stalled.is_empty()), &json!({ "alive": stalled.is_empty(), "stalled": stalled }))
            }
            (&Method::GET, "/ready") => {
                let readiness = self.probes.readiness();
                json_reply(alive(readiness.ready()), &json!({ "ready": readiness.ready(), "checks": readiness.checks }))
            }
            (&Method::GET, path) if path.starts_with("/ready/") => self.part(path.trim_start_matches("/ready/")),
            (&Method::GET, "/status") => json_reply(StatusCode::OK, &self.probes.status()),
            (&Method::GET | &Method::PUT, "/log-level") if !caller.ip().to_canonical().is_loopback() => json_reply(
                StatusCode::FORBIDDEN,
                &json!({ "error": "the log level is changed from this machine only" }),
            ),
            (&Method::GET, "/log-level") => level_reply(),
            (&Method::PUT, "/log-level") => change_level(request).await,
            _ => json_reply(
                StatusCode::NOT_FOUND,
                &json!({ "error": "here are GET /metrics, /health, /ready, /status and GET or PUT /log-level" }),
            ),
        }
    }

    fn part(&self, name: &str) -> Response<Full<Bytes>> {
        let (status, body) = self.probes.part(name).unwrap_or((404, json!({ "error": "this role has no such part" })));
        json_reply(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let mut text = String::new();
        if prometheus_text::encode(&mut text, &self.registry).is_err() {
            return json_reply(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "a metric could not be written" }));
        }
        reply(StatusCode::OK, prometheus_text::CONTENT_TYPE, text)
    }
}

async fn change_level(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let Some(level) = log_level() else { return level_reply() };
    let body = match Limited::new(request.into_body(), MAX_LEVEL_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return json_reply(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    };
    match level.set(String::from_utf8_lossy(&body).trim()) {
        Ok(()) => level_reply(),
        Err(error) => json_reply(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    }
}

fn level_reply() -> Response<Full<Bytes>> {
    match log_level() {
        Some(level) => json_reply(StatusCode::OK, &json!({ "level": level.get() })),
        None => {
            json_reply(StatusCode::CONFLICT, &json!({ "error": "the logs of this process are not ours to change" }))
        }
    }
}

fn alive(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn json_reply(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    reply(status, "application/json", body.to_string())
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
