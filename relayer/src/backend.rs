//! The nodes behind a service: one pool for each kind of request, whose endpoints share a client.

mod ask;
mod balance;
mod breaker;
mod dial;
mod endpoint;
mod exchange;
mod inflate;
mod pool;
mod request;
mod retry;
mod slots;
mod target;
mod upgrade;
mod watch;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub(crate) use self::endpoint::Attempt;
pub(crate) use self::exchange::{OutgoingBody, Trust};
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
    /// A file that TLS needs cannot be used.
    #[error("TLS to a backend: {0}")]
    Tls(String),
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
    /// How many other nodes were asked in vain before.
    pub retries: u8,
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
    /// How many other nodes were asked in vain before.
    pub retries: u8,
    /// Tell it how the stream ended.
    pub attempt: Attempt,
}

impl Reply {
    /// Adds what is known of the question as a whole. A stream holds its place until it ends.
    fn after(mut self, retries: u8, slot: slots::Slot) -> Self {
        match &mut self {
            Self::Whole(answer) => answer.retries = retries,
            Self::Stream(stream) => {
                stream.retries = retries;
                stream.attempt.slot = Some(slot);
            }
        }
        self
    }
}

impl StreamedAnswer {
    fn of(response: http::Response<hyper::body::Incoming>, attempt: Attempt) -> Self {
        let (parts, body) = response.into_parts();
        Self { status: parts.status, headers: parts.headers, body, retries: 0, attempt }
    }
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
    /// Its nodes have all they are given at a time, and so many wait already that no more may.
    Busy,
}

impl NoAnswer {
    /// A short name for metrics.
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Self::AllDown => "all_down",
            Self::Fault(fault) => fault.outcome(),
            Self::Status(_) => "backend_5xx",
            Self::Busy => "busy",
        }
    }
}

/// Why one endpoint gave no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Failure {
    no_answer: NoAnswer,
    /// Whether it may have seen the request.
    sent: bool,
}

impl Failure {
    const UNSENDABLE: Self = Self::with(BackendFault::Request, false);
    const UNSENT: Self = Self::with(BackendFault::Connection, false);
    const BROKEN: Self = Self::with(BackendFault::Connection, true);
    const SLOW: Self = Self::with(BackendFault::Timeout, true);
    const LARGE: Self = Self::with(BackendFault::TooLarge, true);

    const fn with(fault: BackendFault, sent: bool) -> Self {
        Self { no_answer: NoAnswer::Fault(fault), sent }
    }
}

#[cfg(test)]
mod tests;
