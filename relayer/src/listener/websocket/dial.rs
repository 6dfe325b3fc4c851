use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use hyper::upgrade::Upgraded;
use tokio::time::Instant;

use super::handshake::{Invitation, accept_key, has_token};
use crate::backend::{NoAnswer, Pool};

/// Opens a socket to a node of the pool. It hears whom the gateway says it is for; nobody has signed that yet.
pub(super) async fn dial(pool: &Pool, invitation: &Invitation, deadline: Instant) -> Result<Upgraded, NoAnswer> {
    let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
    let expected = accept_key(key.as_bytes());
    let agreed = |headers: &HeaderMap| {
        headers.get(SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| accept.as_bytes() == expected.as_bytes())
            && has_token(headers, &UPGRADE, "websocket")
            // We offered none, so what it means by one we cannot read.
            && !headers.contains_key(SEC_WEBSOCKET_EXTENSIONS)
    };
    pool.upgrade(&request_headers(&key, invitation), agreed, deadline).await
}

fn request_headers(key: &str, invitation: &Invitation) -> HeaderMap {
    let mut headers = HeaderMap::from_iter([
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
    ]);
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(SEC_WEBSOCKET_KEY, key);
    set(HeaderName::from_static("pocket-service"), invitation.service.as_str());
    if let Some(supplier) = &invitation.supplier {
        set(HeaderName::from_static("pocket-supplier"), supplier.as_str());
    }
    if let Some(application) = &invitation.application {
        set(HeaderName::from_static("pocket-application"), application.as_str());
    }
    headers
}
