use bytes::Bytes;
use relay_core::relay::{decode_request, envelope};
use relay_core::units::ServiceId;

/// What is wrong with bytes that are no relay. Callers over gRPC are told precisely.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("failed to receive request: {0}")]
    Undecodable(String),
    #[error("missing session header in RelayRequest")]
    NoSessionHeader,
    #[error("missing service ID in session header")]
    NoService,
    #[error("missing supplier operator address in RelayRequest")]
    NoSupplier,
    #[error("failed to deserialize POKTHTTPRequest: {0}")]
    Payload(String),
}

impl Flaw {
    /// The first flaw of these bytes, if they have one.
    pub(super) fn of(body: &Bytes) -> Option<Self> {
        let request = match decode_request(body.clone()) {
            Ok(request) => request,
            Err(error) => return Some(Self::Undecodable(error.to_string())),
        };
        let meta = request.meta.unwrap_or_default();
        let Some(header) = meta.session_header else { return Some(Self::NoSessionHeader) };
        if header.service_id.is_empty() {
            return Some(Self::NoService);
        }
        if meta.supplier_operator_address.is_empty() {
            return Some(Self::NoSupplier);
        }
        envelope::decode_request(request.payload).err().map(|error| Self::Payload(error.to_string()))
    }

    /// A short name for metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Undecodable(_) => "recv_error",
            Self::NoSessionHeader => "missing_session_header",
            Self::NoService => "missing_service_id",
            Self::NoSupplier => "missing_supplier_address",
            Self::Payload(_) => "payload_deserialize_error",
        }
    }
}

/// The service that bytes ask for, whatever else is wrong with them.
pub(super) fn service(body: &Bytes) -> Option<ServiceId> {
    let header = decode_request(body.clone()).ok()?.meta?.session_header?;
    Some(ServiceId::from(header.service_id.as_str()))
}

#[cfg(test)]
mod tests {
    use relay_core::client::json_rpc_payload;
    use relay_core::proto::pocket::service::{RelayRequest, RelayRequestMetadata};
    use relay_core::proto::pocket::session::SessionHeader;
    use relay_core::relay::encode_request;

    use super::*;

    fn good() -> RelayRequest {
        let header = SessionHeader { service_id: "anvil".to_owned(), ..SessionHeader::default() };
        let meta = RelayRequestMetadata {
            session_header: Some(header),
            signature: Vec::new(),
            supplier_operator_address: "pokt1x".to_owned(),
        };
        RelayRequest { meta: Some(meta), payload: json_rpc_payload(Bytes::from_static(b"{}")) }
    }

    fn flaw(change: impl FnOnce(&mut RelayRequest)) -> Option<String> {
        let mut request = good();
        change(&mut request);
        Flaw::of(&encode_request(&request).into()).map(|flaw| flaw.to_string())
    }

    #[test]
    fn the_first_flaw_is_named() {
        fn meta(request: &mut RelayRequest) -> &mut RelayRequestMetadata {
            request.meta.as_mut().unwrap()
        }
        assert_eq!(flaw(|_| ()), None);
        assert_eq!(flaw(|request| request.meta = None).unwrap(), "missing session header in RelayRequest");
        assert_eq!(
            flaw(|request| meta(request).session_header.as_mut().unwrap().service_id.clear()).unwrap(),
            "missing service ID in session header"
        );
        assert_eq!(
            flaw(|request| {
                meta(request).supplier_operator_address.clear();
                request.payload = Bytes::from_static(b"\xff");
            })
            .unwrap(),
            "missing supplier operator address in RelayRequest"
        );
        let payload = flaw(|request| request.payload = Bytes::from_static(b"\xff")).unwrap();
        assert!(payload.starts_with("failed to deserialize POKTHTTPRequest: "), "{payload}");
        let undecodable = Flaw::of(&Bytes::from_static(b"{}")).unwrap();
        assert!(undecodable.to_string().starts_with("failed to receive request: "), "{undecodable}");
        assert_eq!(undecodable.reason(), "recv_error");
    }

    #[test]
    fn the_service_is_known_in_spite_of_flaws() {
        let mut request = good();
        request.payload = Bytes::from_static(b"\xff");
        assert_eq!(service(&encode_request(&request).into()), Some(ServiceId::from("anvil")));
        assert_eq!(service(&Bytes::from_static(b"{}")), None);
    }
}
