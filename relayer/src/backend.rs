//! The nodes behind a service: one pool for each kind of request, whose endpoints share a client.

mod balance;
mod breaker;
mod endpoint;
mod exchange;
mod inflate;
mod pool;
mod request;
mod target;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(crate) use self::endpoint::Attempt;
pub(crate) use self::exchange::{Connections, OutgoingBody};
pub(crate) use self::pool::Pool;
pub(crate) use self::request::Origin;
use crate::config::CredentialError;
use crate::refusal::BackendFault;

/// A backend cannot be used as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The URL has no scheme or host we can dial.
    #[error("the URL of backend `{0}` must look like http://host:port or https://host/path")]
    Url(String),
    /// What is to be said in `Authorization` cannot be read.
    #[error("authentication of a backend: {0}")]
    Credential(#[from] CredentialError),
    /// A header that no request can carry.
    #[error("backend header `{0}` is not a header or has a value that cannot be sent")]
    Header(String),
    /// The system's certificates cannot be read.
    #[error("cannot read the certificates of this system: {0}")]
    Certificates(String),
}

/// What a backend answered.
#[derive(Debug)]
pub(crate) enum Reply {
    /// All of it.
    Whole(Answer),
    /// Its beginning; the body comes bit by bit (server-sent events, newline-delimited JSON, gRPC streams).
    Stream(StreamedAnswer),
}

/// A whole answer, with a status below 500.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers; for gRPC also its trailers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// An answer whose body is still coming, with a status below 500.
#[derive(Debug)]
pub(crate) struct StreamedAnswer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, with trailers if there are any.
    pub body: hyper::body::Incoming,
    /// Tell it how the stream ended.
    pub attempt: Attempt,
}

/// Why there is no answer to pay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// No endpoint is worth asking.
    AllDown,
    /// None at all.
    Fault(BackendFault),
    /// A server error.
    Status(StatusCode),
}

#[cfg(test)]
mod tests;
