use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::whole;
use super::{Listener, ReplyBody, stream};
use crate::pipeline::{Channel, Cuts, Received, Served};
use crate::refusal::Refusal;
use crate::simulation::Asked;

/// How long a body that is refused is still taken in.
const DISCARD_TIME: Duration = Duration::from_secs(1);

impl Listener {
    /// Takes a relay from a request, whatever its method, path and content type.
    pub(super) async fn relay(&self, request: Request<Incoming>) -> Response<ReplyBody> {
        let place = match self.place() {
            Ok(place) => place,
            Err(refusal) => return self.refuse(&refusal),
        };
        let (arrival, at) = (self.pipeline.feed.height(), Instant::now());
        let (parts, body) = request.into_parts();
        let version = parts.version;
        let body = match self.read(&parts.headers, body).await {
            Ok(body) => body,
            Err(refusal) => return self.refuse(&refusal),
        };
        if let Some(asked) = self.pipeline.asked_to_simulate(&parts.headers) {
            let received = Received { channel: Channel::Http, body, headers: parts.headers, arrival, at, place };
            return self.simulated(&asked, received, version).await;
        }
        let content_type = content_type(&parts.headers);
        let received = Received { channel: Channel::Http, body, headers: parts.headers, arrival, at, place };
        match self.pipeline.serve_or_stream(received, self.cuts()).await {
            Ok(Served::Whole(response)) => {
                let mut response = Response::new(response.into());
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                response
            }
            Ok(Served::Stream(head)) => stream::response(head, version),
            Err(refusal) => whole(refusal.response()),
        }
    }

    fn cuts(&self) -> Cuts {
        Cuts { stop: self.cut.clone(), stalled: self.limits.send_timeout.0 }
    }

    async fn simulated(&self, asked: &Asked, received: Received, version: Version) -> Response<ReplyBody> {
        match self.pipeline.simulate(asked, received, Some(self.cuts())).await {
            Ok(Served::Whole(response)) => {
                let mut response = Response::new(response.into());
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                response
            }
            Ok(Served::Stream(head)) => stream::response(head, version),
            Err(refusal) => whole(refusal.response()),
        }
    }

    /// A refusal from before the pipeline, which therefore did not count it.
    fn refuse(&self, refusal: &Refusal) -> Response<ReplyBody> {
        whole(self.pipeline.refused_early(refusal.clone()).response())
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
