use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, SizeHint};

/// Why a body broke off.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of what a caller gets.
#[derive(Debug)]
pub(crate) enum ReplyBody {
    /// All at once.
    Whole(Full<Bytes>),
    /// Bit by bit: streams, gRPC.
    Parts(UnsyncBoxBody<Bytes, BodyError>),
}

impl ReplyBody {
    /// A body that comes bit by bit, from whatever makes it.
    pub(crate) fn parts<B>(body: B) -> Self
    where
        B: Body<Data = Bytes, Error: Into<BodyError>> + Send + 'static,
    {
        Self::Parts(UnsyncBoxBody::new(body.map_err(Into::into)))
    }
}

impl From<Bytes> for ReplyBody {
    fn from(body: Bytes) -> Self {
        Self::Whole(Full::new(body))
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Self::Parts(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Parts(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Parts(body) => body.size_hint(),
        }
    }
}

/// A response whose body is known as a whole.
pub(super) fn whole(response: Response<Full<Bytes>>) -> Response<ReplyBody> {
    response.map(ReplyBody::Whole)
}

pub(super) fn json(status: StatusCode, body: &serde_json::Value) -> Response<ReplyBody> {
    let mut response = Response::new(Bytes::from(body.to_string()).into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
