//! gRPC-Web: gRPC for browsers, over any version of HTTP, with the trailers inside of the body.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, CONTENT_TYPE, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;
use tonic_web::GrpcWebLayer;
use tower::{Layer, Service, service_fn};

use super::{SEND_RELAY, STREAM_RELAYS};
use crate::listener::{Listener, ReplyBody};

const BINARY: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text+proto";
/// What scripts may read of an answer.
const EXPOSED: &str = "grpc-status,grpc-message,grpc-encoding,grpc-retry-pushback-ms";
/// Seconds for which a browser need not ask again.
const PREFLIGHT_AGE: &str = "600";

/// Whether a request is one of gRPC-Web.
pub(in crate::listener) fn is_grpc_web(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/grpc-web"))
}

/// Whether a browser asks if it may send one. It does not say of what type, so the path has to.
pub(in crate::listener) fn is_preflight<B>(request: &Request<B>) -> bool {
    request.method() == Method::OPTIONS
        && [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD].iter().all(|name| request.headers().contains_key(name))
        && method_path(request.uri().path()).is_some()
}

/// It may, wherever it comes from: what counts is the signature inside.
pub(in crate::listener) fn preflight(asked: &HeaderMap) -> Response<ReplyBody> {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    allow(headers, asked.get(ORIGIN));
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    if let Some(wanted) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_AGE));
    response
}

impl Listener {
    /// Answers a call of gRPC-Web.
    pub(in crate::listener) async fn grpc_web(self: Arc<Self>, mut request: Request<Incoming>) -> Response<ReplyBody> {
        let origin = request.headers().get(ORIGIN).cloned();
        plain(&mut request);
        let service = service_fn(|request: Request<tonic::body::Body>| {
            let listener = Arc::clone(&self);
            async move { Ok::<_, Infallible>(listener.call(request, true).await) }
        });
        let Ok(mut response) = GrpcWebLayer::new().layer(service).call(request).await;
        allow(response.headers_mut(), origin.as_ref());
        response.map(ReplyBody::parts)
    }
}

fn allow(headers: &mut HeaderMap, origin: Option<&HeaderValue>) {
    let Some(origin) = origin else { return };
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    headers.append(VARY, HeaderValue::from_static("origin"));
}

/// Takes away what callers may add: a path in front, parameters of the type. Who sends text gets text.
fn plain<B>(request: &mut Request<B>) {
    if let Some(path) = method_path(request.uri().path()) {
        *request.uri_mut() = Uri::from_static(path);
    }
    let content_type = request.headers().get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let form = if content_type.starts_with(b"application/grpc-web-text") { TEXT } else { BINARY };
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form));
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(form));
}

/// One of our methods at the end of a path.
fn method_path(path: &str) -> Option<&'static str> {
    [SEND_RELAY, STREAM_RELAYS].into_iter().find(|method| path.ends_with(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, uri: &str, headers: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::builder().method(method).uri(uri).body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn only_questions_about_our_methods_are_preflights() {
        let asked = [("origin", "https://a.example"), ("access-control-request-method", "POST")];
        assert!(is_preflight(&request("OPTIONS", "/pocket.service.RelayService/SendRelay", &asked)));
        assert!(is_preflight(&request("OPTIONS", "/in/front/pocket.service.RelayService/StreamRelays", &asked)));
        assert!(!is_preflight(&request("OPTIONS", "/v1/anvil", &asked)), "any method and path carries a relay");
        assert!(!is_preflight(&request("POST", "/pocket.service.RelayService/SendRelay", &asked)));
        assert!(!is_preflight(&request("OPTIONS", "/pocket.service.RelayService/SendRelay", &asked[..1])));
    }

    #[test]
    fn what_callers_add_is_taken_away() {
        let cases = [
            ("application/grpc-web-text; charset=utf-8", "*/*", TEXT),
            ("application/grpc-web", "application/grpc-web-text", BINARY),
            ("application/grpc-web+proto", "", BINARY),
        ];
        for (content_type, accept, form) in cases {
            let mut request = request(
                "POST",
                "/any/pocket.service.RelayService/SendRelay",
                &[("content-type", content_type), ("accept", accept)],
            );
            plain(&mut request);
            assert_eq!(request.uri().path(), SEND_RELAY);
            let headers = request.headers();
            assert!(headers[CONTENT_TYPE] == form && headers[ACCEPT] == form, "{headers:?}");
        }
        let mut other = request("POST", "/other.Service/Method", &[]);
        plain(&mut other);
        assert_eq!(other.uri().path(), "/other.Service/Method");
    }
}
