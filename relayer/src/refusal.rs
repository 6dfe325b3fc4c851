//! Every way in which a relay is refused, with what the caller sees and how it is counted.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use relay_core::units::{Height, ServiceId};

use crate::simulation::Rejection;

/// Why a relay got no signed answer. Its text is what the caller reads; `docs/relayer.md` lists the statuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The caller broke off or sent too slowly.
    #[error("failed to read request body")]
    Unreadable,
    /// More bytes than any relay may have.
    #[error("request body too large")]
    TooLarge,
    /// More bytes than relays of this service may have.
    #[error("request body too large for service")]
    TooLargeForService,
    /// Not a relay: no protobuf, no service, or a payload that holds no HTTP request.
    #[error("invalid relay request: body must be a valid RelayRequest protobuf")]
    NotARelay,
    /// A handshake that names no service.
    #[error("missing service ID")]
    NoService,
    /// A handshake that no WebSocket begins with.
    #[error("invalid WebSocket handshake: {0}")]
    NotASocket(&'static str),
    /// The application has as many sockets as it may.
    #[error("too many connections of this application")]
    TooManySockets,
    /// A service that is not configured here.
    #[error("unknown service: {0}")]
    UnknownService(ServiceId),
    /// The service has no backend of the kind that was asked for, or none that is worth asking.
    #[error("service temporarily unavailable")]
    NoBackend(ServiceId),
    /// A relay to nobody.
    #[error("missing supplier operator address in relay request")]
    NoSupplier,
    /// A supplier whose key is not here.
    #[error("supplier {0} not registered with any miner")]
    ForeignSupplier(String),
    /// The mined relay could not travel in a proof; drawn as the closest leaf it would slash the supplier.
    #[error("request body too large to be proven: {bytes} bytes with its response metadata, at most {limit}")]
    Unprovable {
        /// Bytes that the mined relay would have.
        bytes: usize,
        /// The most that are accepted.
        limit: usize,
    },
    /// Heights that no session of now can have.
    #[error("implausible session heights")]
    ImplausibleHeights,
    /// A relay that comes after its session, grace included.
    #[error(
        "relay validation failed: session timing validation failed: session expired, session end height: {end}, current \
         height: {now} (grace period elapsed)"
    )]
    SessionOver {
        /// The last height of the session itself.
        end: Height,
        /// When it came.
        now: Height,
    },
    /// Anything else that is wrong with the relay itself.
    #[error("relay validation failed: {0}")]
    Invalid(String),
    /// A request that was served before.
    #[error("this signed request was already served")]
    Replayed,
    /// The height, the session or the ring cannot be looked up now.
    #[error("relay cannot be validated now: {0}")]
    Unverifiable(String),
    /// The application cannot pay this supplier for more in this session.
    #[error("session relay limit reached: claimable portion fully consumed")]
    Exhausted,
    /// Nobody knows what is left of the budget, and the policy is to refuse then.
    #[error("relay metering unavailable")]
    Unmetered,
    /// Too much is in progress.
    #[error("relayer overloaded")]
    Overloaded,
    /// No memory is left for relays that Redis has not taken yet, or strict recording cannot record.
    #[error("relays cannot be recorded now")]
    Unrecordable,
    /// The backend did not answer, not in time, or with too much.
    #[error("{0}")]
    Backend(BackendFault),
    /// The backend answered with a server error, which is not paid.
    #[error("backend service error")]
    BackendStatus(StatusCode),
    /// A simulated relay that is not let through. Those are counted apart.
    #[error(transparent)]
    Simulation(Rejection),
    /// The answer could not be signed.
    #[error("failed to sign response")]
    Unsigned,
}

/// Whose fault a missing answer is, and of which kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum BackendFault {
    /// The request inside the relay cannot be sent to any backend.
    #[error("invalid relay request: the call inside cannot be sent to a backend of this kind")]
    Request,
    /// No connection, or it broke.
    #[error("backend error")]
    Connection,
    /// Not in time.
    #[error("backend error")]
    Timeout,
    /// More bytes than the limit.
    #[error("backend error")]
    TooLarge,
}

impl BackendFault {
    /// A short name for metrics.
    #[must_use]
    pub(crate) fn outcome(self) -> &'static str {
        match self {
            Self::Request => "bad_request",
            Self::Connection => "backend_network_error",
            Self::Timeout => "backend_timeout",
            Self::TooLarge => "response_too_large",
        }
    }
}

impl Refusal {
    /// The HTTP status that the caller gets.
    #[must_use]
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unreadable
            | Self::NotARelay
            | Self::NoService
            | Self::NotASocket(_)
            | Self::NoSupplier
            | Self::ImplausibleHeights
            | Self::Backend(BackendFault::Request) => StatusCode::BAD_REQUEST,
            Self::TooLarge | Self::TooLargeForService | Self::Unprovable { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnknownService(_) => StatusCode::NOT_FOUND,
            Self::SessionOver { .. } | Self::Invalid(_) => StatusCode::FORBIDDEN,
            Self::Replayed => StatusCode::CONFLICT,
            Self::Exhausted | Self::TooManySockets => StatusCode::TOO_MANY_REQUESTS,
            Self::NoBackend(_)
            | Self::ForeignSupplier(_)
            | Self::Unverifiable(_)
            | Self::Unmetered
            | Self::Overloaded
            | Self::Unrecordable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Backend(_) => StatusCode::BAD_GATEWAY,
            Self::BackendStatus(status) => *status,
            Self::Simulation(rejection) => rejection.status(),
            Self::Unsigned => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A short name for metrics; the set is fixed.
    #[must_use]
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable => "read_body_error",
            Self::TooLarge | Self::TooLargeForService => "body_too_large",
            Self::NotARelay => "invalid_relay_request",
            Self::NoService => "missing_service_id",
            Self::NotASocket(_) => "invalid_handshake",
            Self::TooManySockets => "too_many_connections",
            Self::UnknownService(_) => "unknown_service",
            Self::NoBackend(_) => "backend_unavailable",
            Self::NoSupplier => "missing_supplier_address",
            Self::ForeignSupplier(_) => "supplier_not_found",
            Self::Unprovable { .. } => "unprovable",
            Self::ImplausibleHeights => "implausible_session_heights",
            Self::SessionOver { .. } | Self::Invalid(_) => "validation_failed",
            Self::Replayed => "replayed",
            Self::Unverifiable(_) => "lookup_failed",
            Self::Exhausted => "stake_exhausted",
            Self::Unmetered => "meter_error",
            Self::Overloaded => "overloaded",
            Self::Unrecordable => "unrecordable",
            Self::Backend(fault) => fault.outcome(),
            Self::BackendStatus(_) => "backend_5xx",
            Self::Simulation(rejection) => rejection.result(),
            Self::Unsigned => "signing_error",
        }
    }

    /// Whether load was shed: the relay may be good, and another relayer may take it.
    #[must_use]
    pub(crate) fn is_shed(&self) -> bool {
        matches!(self, Self::Overloaded | Self::Unrecordable)
    }

    /// Whether the same request may succeed a little later.
    #[must_use]
    pub(crate) fn passes(&self) -> bool {
        match self {
            Self::Simulation(rejection) => rejection.passes(),
            other => other.is_shed() || matches!(other, Self::Unverifiable(_) | Self::Unmetered | Self::NoBackend(_)),
        }
    }

    /// The answer, a JSON object with the text under `error`.
    #[must_use]
    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        let mut body = serde_json::json!({ "error": self.to_string() });
        if let Self::NoBackend(service) = self {
            body["service"] = service.as_str().into();
        }
        let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.passes() {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn texts_are_escaped() {
        let response = Refusal::Invalid("expecting: \"a\"\n".to_owned()).response();
        assert_eq!(response.status(), 403);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["error"], "relay validation failed: expecting: \"a\"\n");
    }

    #[test]
    fn shed_load_says_when_to_come_back() {
        for refusal in
            [Refusal::Overloaded, Refusal::Unrecordable, Refusal::Unmetered, Refusal::Unverifiable(String::new())]
        {
            let response = refusal.response();
            assert_eq!(
                (response.status().as_u16(), response.headers()[RETRY_AFTER].as_bytes()),
                (503, b"1".as_slice())
            );
        }
        assert!(Refusal::NotARelay.response().headers().get(RETRY_AFTER).is_none());
    }
}
