use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, TRAILER, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, Version};
use hyper::body::{Body, Frame};
use tokio::sync::mpsc;

use super::ReplyBody;
use super::body::BodyError;
use crate::pipeline::{Part, StreamHead};

/// Why a stream has no end: its last message must not leave, or its caller took too long.
#[derive(Debug, thiserror::Error)]
#[error("the stream breaks off")]
struct BrokenOff;

/// A stream's signed messages as a body.
struct Parts {
    parts: mpsc::Receiver<Part>,
    ended: bool,
}

impl Body for Parts {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let part = ready!(self.parts.poll_recv(context));
        Poll::Ready(Some(match part {
            Some(Part::More(bytes)) => Ok(Frame::data(bytes)),
            Some(Part::Last(bytes)) => {
                self.ended = true;
                Ok(Frame::data(bytes))
            }
            None => Err(BrokenOff.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

/// Says how often another node was asked, where that helped.
pub(super) fn mark_retries(headers: &mut HeaderMap, retries: u8) {
    if retries > 0 {
        headers.insert(HeaderName::from_static("backend-retries"), HeaderValue::from(u16::from(retries)));
    }
}

/// The node's status and headers, as far as they still hold, around the signed messages.
pub(super) fn response(stream: StreamHead, version: Version) -> Response<ReplyBody> {
    let mut response = Response::new(ReplyBody::parts(Parts { parts: stream.parts, ended: false }));
    *response.status_mut() = stream.status;
    *response.headers_mut() = outer_headers(stream.headers, version);
    mark_retries(response.headers_mut(), stream.retries);
    response
}

/// Length and coding were those of the body inside. Fields of the node's connection say nothing about this one.
fn outer_headers(mut headers: HeaderMap, version: Version) -> HeaderMap {
    for name in [CONTENT_LENGTH, CONTENT_ENCODING, TRANSFER_ENCODING, TRAILER, CONNECTION, UPGRADE] {
        headers.remove(name);
    }
    for name in ["keep-alive", "proxy-connection"] {
        headers.remove(name);
    }
    // HTTP/2 has no such field: there a stream ends without its connection.
    if version < Version::HTTP_2 {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    headers
}

#[cfg(test)]
mod tests {
    use http::header::CONTENT_TYPE;
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn only_headers_that_still_hold_are_copied() {
        let node = || {
            HeaderMap::from_iter([
                (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
                (CONTENT_LENGTH, HeaderValue::from_static("10")),
                (CONTENT_ENCODING, HeaderValue::from_static("gzip")),
                (CONNECTION, HeaderValue::from_static("keep-alive")),
            ])
        };
        let headers = outer_headers(node(), Version::HTTP_11);
        assert_eq!(headers.len(), 2);
        assert!(headers[CONTENT_TYPE] == "text/event-stream" && headers[CONNECTION] == "close");
        assert_eq!(outer_headers(node(), Version::HTTP_2).len(), 1);
    }

    #[tokio::test]
    async fn a_stream_without_its_last_message_is_no_whole_stream() {
        for (last, whole) in [(Part::Last as fn(Bytes) -> Part, true), (Part::More, false)] {
            let (sender, parts) = mpsc::channel(2);
            sender.send(Part::More(Bytes::from_static(b"a"))).await.unwrap();
            sender.send(last(Bytes::from_static(b"b"))).await.unwrap();
            drop(sender);
            assert_eq!(Parts { parts, ended: false }.collect().await.is_ok(), whole);
        }
    }
}
