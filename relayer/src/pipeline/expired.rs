use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use relay_core::proto::pocket::service::RelayMinerError;
use relay_core::relay::{encode_response, envelope, sign_error};

use super::admitted::Question;

impl Question {
    /// A signed response which says that the session is over. It is for the gateway: no relay is made of it.
    pub(crate) fn expired(&self) -> Option<Bytes> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = Bytes::from_static(br#"{"error":"session expired"}"#);
        let payload = envelope::encode_response(StatusCode::GONE, &headers, body);
        let error = RelayMinerError {
            code: u32::from(StatusCode::GONE.as_u16()),
            description: "session expired".to_owned(),
            ..RelayMinerError::default()
        };
        let signed = sign_error(&self.identity.session, payload, error, &self.key);
        signed.ok().map(|response| encode_response(&response).into())
    }
}
