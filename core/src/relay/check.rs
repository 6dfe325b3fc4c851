use crate::address::{Address, AddressError};
use crate::proto::pocket::service::{RelayRequest, RelayResponse};
use crate::session::{HeaderError, SessionHeader};

/// Whose relay it is, taken from signed fields only.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RelayIdentity {
    /// The session.
    pub session: SessionHeader,
    /// The operator address of the supplier that the request is meant for.
    pub supplier: Address,
}

/// Why a request is not worth a look at its signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No session header.
    #[error("missing session header: invalid relay request")]
    MissingHeader,
    /// A session header against the rules.
    #[error("invalid session header: {0}: invalid relay request")]
    Header(#[from] HeaderError),
    /// No ring signature.
    #[error("missing application signature: invalid relay request")]
    MissingSignature,
    /// No supplier.
    #[error("relay metadata missing supplier operator address: invalid relay request")]
    MissingSupplier,
    /// A supplier that nobody can be. The chain looks at this only later.
    #[error("invalid supplier operator address: {0}: invalid relay request")]
    Supplier(AddressError),
    /// Upper case would make two names for one supplier.
    #[error("supplier operator address {0:?} must be written in lower case: invalid relay request")]
    UpperCaseSupplier(String),
}

/// Why a response is incomplete.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    /// No session header.
    #[error("missing meta: invalid relay response")]
    MissingHeader,
    /// A session header against the rules.
    #[error("invalid session header: {0}: invalid relay response")]
    Header(#[from] HeaderError),
    /// No signature of the supplier.
    #[error("missing supplier operator signature: invalid relay response")]
    MissingSignature,
}

/// The rules that need nothing but the request, in the chain's order.
pub fn check_request(request: &RelayRequest) -> Result<RelayIdentity, RequestError> {
    let meta = request.meta.as_ref().ok_or(RequestError::MissingHeader)?;
    let session = meta.session_header.as_ref().ok_or(RequestError::MissingHeader)?.try_into()?;
    if meta.signature.is_empty() {
        return Err(RequestError::MissingSignature);
    }
    if meta.supplier_operator_address.is_empty() {
        return Err(RequestError::MissingSupplier);
    }
    let supplier: Address = meta.supplier_operator_address.parse().map_err(RequestError::Supplier)?;
    if supplier.as_str() != meta.supplier_operator_address {
        return Err(RequestError::UpperCaseSupplier(meta.supplier_operator_address.clone()));
    }
    Ok(RelayIdentity { session, supplier })
}

/// The rules that need nothing but the response, in the chain's order. Gives its session.
pub fn check_response(response: &RelayResponse) -> Result<SessionHeader, ResponseError> {
    let meta = response.meta.as_ref().ok_or(ResponseError::MissingHeader)?;
    let session = meta.session_header.as_ref().ok_or(ResponseError::MissingHeader)?.try_into()?;
    if meta.supplier_operator_signature.is_empty() {
        return Err(ResponseError::MissingSignature);
    }
    Ok(session)
}
