use http::StatusCode;
use tonic::Code;

/// Why a simulated relay was not let through, in the order of the checks. The text is what the caller reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    /// Too many are in progress.
    #[error("simulation concurrency limit reached")]
    Busy,
    /// Nobody of that name is configured.
    #[error("simulation rejected: simulation: unknown key_id")]
    UnknownKey,
    /// Configured, but not enabled.
    #[error("simulation rejected: simulation: identity disabled")]
    Disabled,
    /// Its time is over.
    #[error("simulation rejected: simulation: identity expired (not_after)")]
    Expired,
    /// A relay to nobody.
    #[error("simulation rejected: simulation: supplier operator address required")]
    NoSupplier,
    /// A supplier whose key is not here.
    #[error("simulation rejected: simulation: supplier signing key not loaded on this relayer")]
    ForeignSupplier,
    /// Basic rules or ring signature.
    #[error("simulation rejected: simulation: ring signature verification failed: {0}")]
    Unverified(String),
    /// Another application than the identity's.
    #[error("simulation rejected: simulation: request application address does not match pinned identity")]
    OtherApplication,
    /// A service that is not configured here.
    #[error("simulation rejected: simulation: service not configured on this relayer")]
    UnknownService,
    /// A service that the identity may not use.
    #[error("simulation rejected: simulation: service not allowed for this identity")]
    ForbiddenService,
    /// Not `simv1:<unix seconds>:<nonce>`.
    #[error("simulation rejected: simulation: malformed synthetic session id")]
    SessionId,
    /// Too old, or from the future.
    #[error("simulation rejected: simulation: request timestamp outside freshness window")]
    Stale,
    /// Served before.
    #[error("simulation rejected: simulation: request already seen (replay)")]
    Replayed,
    /// Redis cannot say whether it was served before.
    #[error("simulation rejected: simulation: replay dedup store unavailable")]
    NoMarks,
    /// More a second than the identity may send.
    #[error("simulation rate limit reached")]
    TooMany,
}

impl Rejection {
    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Busy | Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::NoSupplier | Self::SessionId => StatusCode::BAD_REQUEST,
            Self::UnknownService => StatusCode::NOT_FOUND,
            Self::Replayed => StatusCode::CONFLICT,
            Self::NoMarks => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::FORBIDDEN,
        }
    }

    /// The status over gRPC.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Busy | Self::TooMany => Code::ResourceExhausted,
            Self::NoSupplier | Self::SessionId => Code::InvalidArgument,
            Self::UnknownService => Code::NotFound,
            Self::Replayed => Code::AlreadyExists,
            Self::NoMarks => Code::Unavailable,
            _ => Code::PermissionDenied,
        }
    }

    /// The close code of a socket, and its reason.
    pub(crate) fn close(&self) -> (u16, &'static str) {
        match self {
            Self::Busy => (1013, "simulation concurrency limit reached"),
            Self::TooMany => (1013, "simulation rate limit reached"),
            _ => (4001, "simulation rejected"),
        }
    }

    /// How it is counted.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Busy | Self::TooMany => "rate_limited",
            Self::NoSupplier | Self::ForeignSupplier => "supplier_not_loaded",
            Self::OtherApplication => "identity_mismatch",
            Self::UnknownService => "service_unknown",
            Self::ForbiddenService => "service_not_allowed",
            Self::Replayed => "replay_rejected",
            Self::NoMarks => "dedup_unavailable",
            Self::UnknownKey | Self::Disabled | Self::Expired | Self::Unverified(_) | Self::SessionId | Self::Stale => {
                "verify_failed"
            }
        }
    }

    /// Whether the same request may be let through a little later.
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Self::Busy | Self::TooMany | Self::NoMarks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_as_callers_know_it() {
        use Rejection as R;
        let text = "simulation rejected: simulation: ";
        let rows = [
            (R::Busy, "simulation concurrency limit reached", 429, Code::ResourceExhausted, 1013, "rate_limited"),
            (R::UnknownKey, "unknown key_id", 403, Code::PermissionDenied, 4001, "verify_failed"),
            (R::Disabled, "identity disabled", 403, Code::PermissionDenied, 4001, "verify_failed"),
            (R::Expired, "identity expired (not_after)", 403, Code::PermissionDenied, 4001, "verify_failed"),
            (
                R::NoSupplier,
                "supplier operator address required",
                400,
                Code::InvalidArgument,
                4001,
                "supplier_not_loaded",
            ),
            (
                R::ForeignSupplier,
                "supplier signing key not loaded on this relayer",
                403,
                Code::PermissionDenied,
                4001,
                "supplier_not_loaded",
            ),
            (
                R::Unverified("why".to_owned()),
                "ring signature verification failed: why",
                403,
                Code::PermissionDenied,
                4001,
                "verify_failed",
            ),
            (
                R::OtherApplication,
                "request application address does not match pinned identity",
                403,
                Code::PermissionDenied,
                4001,
                "identity_mismatch",
            ),
            (R::UnknownService, "service not configured on this relayer", 404, Code::NotFound, 4001, "service_unknown"),
            (
                R::ForbiddenService,
                "service not allowed for this identity",
                403,
                Code::PermissionDenied,
                4001,
                "service_not_allowed",
            ),
            (R::SessionId, "malformed synthetic session id", 400, Code::InvalidArgument, 4001, "verify_failed"),
            (
                R::Stale,
                "request timestamp outside freshness window",
                403,
                Code::PermissionDenied,
                4001,
                "verify_failed",
            ),
            (R::Replayed, "request already seen (replay)", 409, Code::AlreadyExists, 4001, "replay_rejected"),
            (R::NoMarks, "replay dedup store unavailable", 503, Code::Unavailable, 4001, "dedup_unavailable"),
            (R::TooMany, "simulation rate limit reached", 429, Code::ResourceExhausted, 1013, "rate_limited"),
        ];
        for (row, words, status, code, close, result) in rows {
            let whole = if status == 429 { words.to_owned() } else { format!("{text}{words}") };
            assert_eq!(row.to_string(), whole);
            let seen = (row.status().as_u16(), row.code(), row.close().0, row.result());
            assert_eq!(seen, (status, code, close, result), "{row:?}");
        }
    }
}
