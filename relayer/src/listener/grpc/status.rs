use bytes::Bytes;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use super::flaw::Flaw;
use crate::refusal::Refusal;

/// gRPC's own hint when to come back, in milliseconds.
const PUSHBACK: &str = "grpc-retry-pushback-ms";

/// What a caller over gRPC sees of a refusal, and how it is counted. `body` is what was refused.
pub(super) fn of(refusal: &Refusal, body: &Bytes) -> (Status, &'static str) {
    if let (Refusal::NotARelay, Some(flaw)) = (refusal, Flaw::of(body)) {
        return (Status::invalid_argument(flaw.to_string()), flaw.reason());
    }
    let (code, message) = code_and_message(refusal);
    let mut metadata = MetadataMap::new();
    if refusal.passes() {
        metadata.insert(PUSHBACK, MetadataValue::from_static("1000"));
    }
    (Status::with_metadata(code, message, metadata), reason(refusal))
}

fn code_and_message(refusal: &Refusal) -> (Code, String) {
    let code = match refusal {
        Refusal::Unreadable | Refusal::TooLarge | Refusal::NotARelay => {
            return (Code::InvalidArgument, format!("failed to receive request: {refusal}"));
        }
        Refusal::NoSupplier => return (Code::InvalidArgument, Flaw::NoSupplier.to_string()),
        Refusal::ForeignSupplier(supplier) => {
            return (Code::FailedPrecondition, format!("no signer for supplier {supplier}"));
        }
        Refusal::Invalid(text) => {
            return (Code::PermissionDenied, format!("relay validation failed: validation failed: {text}"));
        }
        Refusal::Exhausted => return (Code::ResourceExhausted, "relay rejected - stake limit exceeded".to_owned()),
        Refusal::SessionOver { .. } => {
            let text = refusal.to_string();
            return (Code::PermissionDenied, text.replacen(": ", ": validation failed: ", 1));
        }
        Refusal::NoBackend(service) => {
            return (Code::Unavailable, format!("all backends unhealthy for service {service}"));
        }
        Refusal::BackendStatus(status) => {
            return (Code::Unavailable, format!("backend service error: HTTP {}", status.as_u16()));
        }
        Refusal::Simulation(rejection) => rejection.code(),
        Refusal::Unsigned => return (Code::Internal, format!("failed to build/sign response: {refusal}")),
        Refusal::TooLargeForService
        | Refusal::Unprovable { .. }
        | Refusal::ImplausibleHeights
        | Refusal::NoService
        | Refusal::NotASocket(_) => Code::InvalidArgument,
        Refusal::TooManySockets => Code::ResourceExhausted,
        Refusal::UnknownService(_) => Code::NotFound,
        Refusal::Replayed => Code::AlreadyExists,
        Refusal::Unverifiable(_)
        | Refusal::Unmetered
        | Refusal::Overloaded
        | Refusal::Unrecordable
        | Refusal::Backend(_) => Code::Unavailable,
    };
    (code, refusal.to_string())
}

/// The words that dashboards know; where they have none, the pipeline's.
fn reason(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unreadable | Refusal::TooLarge | Refusal::NotARelay => "recv_error",
        Refusal::NoSupplier => "missing_supplier_address",
        Refusal::ForeignSupplier(_) => "no_signer",
        Refusal::Backend(_) | Refusal::NoBackend(_) => "backend_error",
        Refusal::Exhausted | Refusal::Unmetered => "meter_rejected",
        Refusal::Unsigned => "sign_error",
        other => other.reason(),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::refusal::BackendFault;

    fn seen(refusal: &Refusal) -> (Code, String, &'static str) {
        let (status, reason) = of(refusal, &Bytes::new());
        (status.code(), status.message().to_owned(), reason)
    }

    #[test]
    fn every_refusal_has_the_status_that_gateways_know() {
        let cases = [
            (Refusal::Unreadable, Code::InvalidArgument, "failed to receive request: failed to read", "recv_error"),
            (Refusal::TooLarge, Code::InvalidArgument, "failed to receive request: request body", "recv_error"),
            (
                Refusal::NoSupplier,
                Code::InvalidArgument,
                "missing supplier operator address in RelayRequest",
                "missing_supplier_address",
            ),
            (
                Refusal::ForeignSupplier("pokt1x".to_owned()),
                Code::FailedPrecondition,
                "no signer for supplier pokt1x",
                "no_signer",
            ),
            (Refusal::UnknownService("anvil".into()), Code::NotFound, "unknown service: anvil", "unknown_service"),
            (
                Refusal::Invalid("session ID mismatch".to_owned()),
                Code::PermissionDenied,
                "relay validation failed: validation failed: session ID mismatch",
                "validation_failed",
            ),
            (
                Refusal::NoBackend("anvil".into()),
                Code::Unavailable,
                "all backends unhealthy for service anvil",
                "backend_error",
            ),
            (
                Refusal::BackendStatus(StatusCode::BAD_GATEWAY),
                Code::Unavailable,
                "backend service error: HTTP 502",
                "backend_5xx",
            ),
            (Refusal::Backend(BackendFault::Timeout), Code::Unavailable, "backend error", "backend_error"),
            (Refusal::Unsigned, Code::Internal, "failed to build/sign response: ", "sign_error"),
            (Refusal::Exhausted, Code::ResourceExhausted, "relay rejected - stake limit exceeded", "meter_rejected"),
            (Refusal::Unmetered, Code::Unavailable, "relay metering unavailable", "meter_rejected"),
            (Refusal::Replayed, Code::AlreadyExists, "this signed request was already served", "replayed"),
            (Refusal::Overloaded, Code::Unavailable, "relayer overloaded", "overloaded"),
            (Refusal::Unrecordable, Code::Unavailable, "relays cannot be recorded now", "unrecordable"),
        ];
        for (refusal, code, message, reason) in cases {
            let seen = seen(&refusal);
            assert!(seen.1.starts_with(message), "{refusal:?}: {seen:?}");
            assert_eq!((seen.0, seen.2), (code, reason), "{refusal:?}");
        }
    }

    #[test]
    fn what_is_shed_says_when_to_come_back() {
        let pushback = |refusal| of(&refusal, &Bytes::new()).0.metadata().get(PUSHBACK).is_some();
        assert!(pushback(Refusal::Overloaded) && pushback(Refusal::Unrecordable));
        assert!(pushback(Refusal::Unverifiable(String::new())) && pushback(Refusal::NoBackend("anvil".into())));
        assert!(!pushback(Refusal::NoSupplier) && !pushback(Refusal::Replayed));
    }
}
