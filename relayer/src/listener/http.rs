use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use tokio::time::Instant;

use super::body::whole;
use super::{Caller, Listener, ReplyBody, gzip, stream};
use crate::pipeline::{Channel, Cuts, Received, Served};
use crate::refusal::Refusal;
use crate::simulation::Asked;

impl Listener {
    /// Takes a relay from a request, whatever its method, path and content type.
    pub(super) async fn relay(&self, request: Request<Incoming>, caller: Caller) -> Response<ReplyBody> {
        // Before its body is read: what is too much must cost nothing.
        if self.in_flight.available_permits() == 0 {
            return self.refuse(&Refusal::Overloaded);
        }
        let (arrival, at) = (self.pipeline.feed.height(), Instant::now());
        let (parts, body) = request.into_parts();
        let version = parts.version;
        let read = self.read(&parts.headers, body).await.inspect(|_| caller.has_read());
        drop(caller);
        let (body, place) = match read.and_then(|(body, share)| Ok((body, self.place()?.weighing(share)))) {
            Ok(taken) => taken,
            Err(refusal) => return self.refuse(&refusal),
        };
        if let Some(asked) = self.pipeline.asked_to_simulate(&parts.headers) {
            let received = Received { channel: Channel::Http, body, headers: parts.headers, arrival, at, place };
            return self.simulated(&asked, received, version).await;
        }
        let (content_type, compress) =
            (content_type(&parts.headers), gzip::is_wanted(&self.compression, &parts.headers));
        let received = Received { channel: Channel::Http, body, headers: parts.headers, arrival, at, place };
        match self.pipeline.serve_or_stream(received, self.cuts()).await {
            Ok(Served::Whole(mut answer, retries)) => {
                let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, content_type)]);
                stream::mark_retries(&mut headers, retries);
                if compress {
                    answer = gzip::compress(&self.compression, answer, &mut headers).await;
                }
                let mut response = Response::new(answer.into());
                *response.headers_mut() = headers;
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
            Ok(Served::Whole(response, _)) => {
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
}

/// Gateways get back what they say they accept.
fn content_type(headers: &HeaderMap) -> HeaderValue {
    let accepted = headers.get(ACCEPT).filter(|accept| !accept.is_empty() && *accept != "*/*");
    accepted.cloned().unwrap_or(HeaderValue::from_static("application/json"))
}
