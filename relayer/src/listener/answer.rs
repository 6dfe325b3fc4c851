use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use relay_core::units::ServiceId;
use serde_json::json;
use tokio::time::Instant;

use super::Listener;
use crate::metrics::UNKNOWN_SERVICE;
use crate::pipeline::{Channel, Place, Received};
use crate::refusal::Refusal;

/// How long a body that is refused is still taken in.
const DISCARD_TIME: Duration = Duration::from_secs(1);

impl Listener {
    /// Health paths first; everything else is a relay, whatever its method and path.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        match path {
            "/health" | "/healthz" | "/ready" => self.health(),
            _ => match path.strip_prefix("/ready/") {
                Some(service) => self.service_health(service),
                None => self.relay(request).await,
            },
        }
    }

    /// Says that somebody is here. Whether relays can be served is a question for the administration port.
    fn health(&self) -> Response<Full<Bytes>> {
        let height = self.pipeline.feed.height();
        json_response(StatusCode::OK, &json!({ "status": "healthy", "block_height": height }))
    }

    /// Never shows where a backend is.
    fn service_health(&self, id: &str) -> Response<Full<Bytes>> {
        if id.is_empty() {
            return json_response(StatusCode::BAD_REQUEST, &json!({ "error": "missing service ID" }));
        }
        let live = self.pipeline.live.load();
        let Some(service) = live.services.get(&ServiceId::from(id)) else {
            let error = Refusal::UnknownService(id.into()).to_string();
            return json_response(StatusCode::NOT_FOUND, &json!({ "service_id": id, "ready": false, "error": error }));
        };
        let ready = service.is_healthy();
        let endpoints = || service.pools.values().flat_map(|pool| pool.endpoints());
        let (total, healthy) = (endpoints().count(), endpoints().filter(|endpoint| endpoint.is_good()).count());
        let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let body = json!({
            "service_id": id,
            "ready": ready,
            "block_height": self.pipeline.feed.height(),
            "backends": { "total": total, "healthy": healthy },
        });
        json_response(status, &body)
    }

    async fn relay(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        // Before its body is read: what is too much must cost nothing.
        let Ok(permit) = self.in_flight.clone().try_acquire_owned() else {
            return self.refuse(&Refusal::Overloaded);
        };
        let place = Place::new(permit, self.pipeline.metrics.in_flight.clone());
        let (arrival, at) = (self.pipeline.feed.height(), Instant::now());
        let (parts, body) = request.into_parts();
        let body = match self.read(&parts.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse(&refusal),
        };
        let content_type = content_type(&parts.headers);
        match self
            .pipeline
            .serve(Received { channel: Channel::Http, body, headers: parts.headers, arrival, at, place })
            .await
        {
            Ok(response) => {
                let mut response = Response::new(Full::new(response));
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                response
            }
            Err(refusal) => refusal.response(),
        }
    }

    /// A refusal from before the pipeline, which therefore did not count it.
    fn refuse(&self, refusal: &Refusal) -> Response<Full<Bytes>> {
        self.pipeline.refused(&UNKNOWN_SERVICE.into(), refusal.clone()).response()
    }

    async fn read(&self, headers: &HeaderMap, mut body: Incoming) -> Result<Bytes, Refusal> {
        let limit = self.limits.request_bytes;
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > limit) {
            discard(body, limit).await;
            return Err(Refusal::TooLarge);
        }
        match tokio::time::timeout(self.limits.receive_timeout.0, Limited::new(&mut body, limit).collect()).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                discard(body, limit).await;
                Err(Refusal::TooLarge)
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::Unreadable),
        }
    }
}

/// Takes a little more of a body that is not wanted. A caller that is still sending when its connection closes sees a broken
/// connection instead of the refusal.
async fn discard(mut body: Incoming, most: usize) {
    let reading = async {
        let mut seen = 0;
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > most {
                break;
            }
        }
    };
    // Whether it ended, broke or took too long: it was for the caller's sake only.
    let _ = tokio::time::timeout(DISCARD_TIME, reading).await;
}

/// Gateways get back what they say they accept.
fn content_type(headers: &HeaderMap) -> HeaderValue {
    let accepted = headers.get(ACCEPT).filter(|accept| !accept.is_empty() && *accept != "*/*");
    accepted.cloned().unwrap_or(HeaderValue::from_static("application/json"))
}

fn json_response(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
