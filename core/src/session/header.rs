use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressError};
use crate::proto::pocket::session as wire;
use crate::units::{Height, ServiceId, SessionId};

const LONGEST_SERVICE_ID: usize = 42;

/// Which session a relay, claim or proof belongs to. Every field has passed the chain's basic rules, and converting back
/// gives exactly the message it came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct SessionHeader {
    /// The application that pays.
    pub application: Address,
    /// The service it uses.
    pub service: ServiceId,
    /// 64 hex digits for real sessions; here only known not to be empty.
    pub id: SessionId,
    /// First block.
    pub start: Height,
    /// Last block, inclusive, later than the first.
    pub end: Height,
}

/// Why a session header breaks the basic rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Not an account address of the network.
    #[error("invalid application address: {0}")]
    Application(#[from] AddressError),
    /// The chain lets upper case pass; here it would make two names for one application.
    #[error("invalid application address: {0:?} must be written in lower case")]
    UpperCase(String),
    /// No session id.
    #[error("session id is empty")]
    EmptyId,
    /// Not 1 to 42 characters of `[a-zA-Z0-9_-]`.
    #[error("invalid service id {0:?}: expected 1 to 42 characters of a-z, A-Z, 0-9, '_' and '-'")]
    Service(String),
    /// The first block of a chain is 1.
    #[error("sessions can only start at height 1 or greater, got {0}")]
    Start(Height),
    /// A session of one block cannot be claimed.
    #[error("session end height {end} must be greater than start height {start}")]
    End {
        /// First block.
        start: Height,
        /// Last block.
        end: Height,
    },
}

/// The first field in which a header is not the expected one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderMismatch {
    /// Another application.
    #[error("session header application address mismatch, expecting: {expected:?}, got: {got:?}")]
    Application {
        /// The chain's.
        expected: Address,
        /// The caller's.
        got: Address,
    },
    /// Another service.
    #[error("session header service ID mismatch, expecting: {expected:?}, got: {got:?}")]
    Service {
        /// The chain's.
        expected: ServiceId,
        /// The caller's.
        got: ServiceId,
    },
    /// Another first block.
    #[error("session header session start height mismatch, expecting: {expected}, got: {got}")]
    Start {
        /// The chain's.
        expected: Height,
        /// The caller's.
        got: Height,
    },
    /// Another last block.
    #[error("session header session end height mismatch, expecting: {expected}, got: {got}")]
    End {
        /// The chain's.
        expected: Height,
        /// The caller's.
        got: Height,
    },
    /// Another id.
    #[error("session ID mismatch, expected: {expected}, got: {got}")]
    Id {
        /// The chain's.
        expected: SessionId,
        /// The caller's.
        got: SessionId,
    },
}

impl SessionHeader {
    /// Compares all five fields with the header that the chain gives, in the chain's order.
    pub fn must_equal(&self, chain: &Self) -> Result<(), HeaderMismatch> {
        if self.application != chain.application {
            let (expected, got) = (chain.application.clone(), self.application.clone());
            return Err(HeaderMismatch::Application { expected, got });
        }
        if self.service != chain.service {
            return Err(HeaderMismatch::Service { expected: chain.service.clone(), got: self.service.clone() });
        }
        if self.start != chain.start {
            return Err(HeaderMismatch::Start { expected: chain.start, got: self.start });
        }
        if self.end != chain.end {
            return Err(HeaderMismatch::End { expected: chain.end, got: self.end });
        }
        if self.id != chain.id {
            return Err(HeaderMismatch::Id { expected: chain.id.clone(), got: self.id.clone() });
        }
        Ok(())
    }
}

impl fmt::Display for SessionHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { application, service, id, start, end } = self;
        write!(f, "session {id} of {application} on {service}, blocks {start} to {end}")
    }
}

/// Checks that a text is a service id: 1 to 42 characters of `[a-zA-Z0-9_-]`.
pub fn check_service_id(text: &str) -> Result<ServiceId, HeaderError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if text.is_empty() || text.len() > LONGEST_SERVICE_ID || !text.bytes().all(allowed) {
        return Err(HeaderError::Service(text.to_owned()));
    }
    Ok(text.into())
}

impl TryFrom<&wire::SessionHeader> for SessionHeader {
    type Error = HeaderError;

    fn try_from(header: &wire::SessionHeader) -> Result<Self, Self::Error> {
        let application: Address = header.application_address.parse()?;
        if application.as_str() != header.application_address {
            return Err(HeaderError::UpperCase(header.application_address.clone()));
        }
        if header.session_id.is_empty() {
            return Err(HeaderError::EmptyId);
        }
        let service = check_service_id(&header.service_id)?;
        let (start, end) = (Height(header.session_start_block_height), Height(header.session_end_block_height));
        if start < Height(1) {
            return Err(HeaderError::Start(start));
        }
        if end <= start {
            return Err(HeaderError::End { start, end });
        }
        Ok(Self { application, service, id: header.session_id.as_str().into(), start, end })
    }
}

impl From<&SessionHeader> for wire::SessionHeader {
    fn from(header: &SessionHeader) -> Self {
        Self {
            application_address: header.application.as_str().to_owned(),
            service_id: header.service.as_str().to_owned(),
            session_id: header.id.as_str().to_owned(),
            session_start_block_height: header.start.0,
            session_end_block_height: header.end.0,
        }
    }
}

/// The stored form. It goes through the same checks as a header from the wire.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    application: String,
    service: String,
    id: String,
    start: i64,
    end: i64,
}

impl TryFrom<Fields> for SessionHeader {
    type Error = HeaderError;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        Self::try_from(&wire::SessionHeader {
            application_address: fields.application,
            service_id: fields.service,
            session_id: fields.id,
            session_start_block_height: fields.start,
            session_end_block_height: fields.end,
        })
    }
}

impl From<SessionHeader> for Fields {
    fn from(header: SessionHeader) -> Self {
        Self {
            application: header.application.into(),
            service: header.service.as_str().to_owned(),
            id: header.id.as_str().to_owned(),
            start: header.start.0,
            end: header.end.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SessionHeader {
        SessionHeader {
            application: "pokt1ywnvlv6dcu6htpx5jtmcjyhwu39d07ny7ea3nr".parse().unwrap(),
            service: "anvil".into(),
            id: "5e55".into(),
            start: Height(11),
            end: Height(20),
        }
    }

    #[test]
    fn survives_both_conversions() {
        let wire = wire::SessionHeader::from(&header());
        assert_eq!(SessionHeader::try_from(&wire).unwrap(), header());
        let json = serde_json::to_string(&header()).unwrap();
        assert_eq!(serde_json::from_str::<SessionHeader>(&json).unwrap(), header());
    }

    #[test]
    fn stored_headers_are_checked_like_received_ones() {
        let json = serde_json::to_string(&header()).unwrap();
        for (from, to) in
            [("\"end\":20", "\"end\":11"), ("anvil", "a b"), ("pokt1", "POKT1"), ("\"start\":11", "\"start\":0")]
        {
            assert!(serde_json::from_str::<SessionHeader>(&json.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn upper_case_is_refused() {
        let mut wire = wire::SessionHeader::from(&header());
        wire.application_address = wire.application_address.to_uppercase();
        assert!(matches!(SessionHeader::try_from(&wire), Err(HeaderError::UpperCase(_))));
    }

    #[test]
    fn names_the_first_field_that_differs() {
        let chain = header();
        assert_eq!(header().must_equal(&chain), Ok(()));
        let other = SessionHeader { id: "other".into(), end: Height(21), ..header() };
        assert!(matches!(other.must_equal(&chain), Err(HeaderMismatch::End { .. })));
        let other = SessionHeader { id: "other".into(), ..header() };
        assert_eq!(
            other.must_equal(&chain).unwrap_err().to_string(),
            "session ID mismatch, expected: 5e55, got: other"
        );
    }
}
