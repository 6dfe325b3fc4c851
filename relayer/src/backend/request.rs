use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use http_body_util::Full;
use relay_core::address::Address;
use relay_core::relay::RpcType;
use relay_core::relay::envelope::HttpRequest;
use relay_core::units::ServiceId;

use super::target::Target;

/// Headers that belong to one connection, or that the client sets itself.
const NOT_FORWARDED: [&str; 13] = [
    "host",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "http2-settings",
];

/// Where a call comes from. The backend is told, and hears some headers of the request around the relay.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// The supplier that answers.
    pub supplier: &'a Address,
    /// The application that pays.
    pub application: &'a Address,
    /// The service.
    pub service: &'a ServiceId,
    /// Headers of the request that carried the relay. They are not signed.
    pub outer: &'a HeaderMap,
}

/// A request that can be sent to any node of a pool: what depends on the node is added by [`Prepared::to`].
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) method: Method,
    url: String,
    headers: HeaderMap,
    pub(super) body: Bytes,
}

/// The request to the nodes, or `None` when the call cannot be sent to anyone. Whatever is wrong with a call is found here, before
/// a node is chosen.
pub(super) fn prepare(
    call: HttpRequest,
    origin: &Origin<'_>,
    kind: RpcType,
    configured: &[(HeaderName, HeaderValue)],
) -> Option<Prepared> {
    // A socket is not opened by a relay over HTTP, and a tunnel is none.
    if call.method == Method::CONNECT || kind == RpcType::WebSocket {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(call.headers.len() + configured.len() + 8);
    for (name, value) in &call.headers {
        if !NOT_FORWARDED.contains(&name.as_str()) {
            headers.append(name, value.clone());
        }
    }
    // The relay's own headers are signed, so they win; what it leaves open the request around it may say.
    for name in [CONTENT_TYPE, ACCEPT, USER_AGENT] {
        if let (false, Some(value)) = (headers.contains_key(&name), origin.outer.get(&name)) {
            headers.insert(name, value.clone());
        }
    }
    // A gRPC server resets streams of anything else, and that would count against it.
    if kind == RpcType::Grpc && !is_grpc(&call.method, &headers) {
        return None;
    }
    for name in origin.outer.keys().filter(|name| name.as_str().starts_with("pocket-")) {
        if let Some(value) = origin.outer.get(name) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in configured {
        headers.insert(name, value.clone());
    }
    // A compressed body would be signed compressed, and not every gateway unpacks it.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    for (name, value) in [
        ("pocket-supplier", origin.supplier.as_str()),
        ("pocket-service", origin.service.as_str()),
        ("pocket-application", origin.application.as_str()),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    headers.remove(HOST);
    if kind == RpcType::Grpc {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
    Some(Prepared { method: call.method, url: call.url, headers, body: call.body })
}

impl Prepared {
    /// The request to one node; `None` when its URL makes no sense there.
    pub(super) fn to(self, target: &Target, credential: Option<&HeaderValue>) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = target.url(&self.url)?;
        *request.headers_mut() = self.headers;
        if let Some(credential) = credential {
            request.headers_mut().insert(AUTHORIZATION, credential.clone());
        }
        Some(request)
    }
}

fn is_grpc(method: &Method, headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    method == Method::POST && content_type.starts_with(b"application/grpc")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &'static str, value: &'static str) -> (HeaderName, HeaderValue) {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    }

    fn address(byte: u8) -> Address {
        relay_core::address::SecretKey::from_bytes(&[byte; 32]).unwrap().address().clone()
    }

    // rule: R-06
    #[test]
    fn headers_are_taken_in_the_order_of_trust() {
        let outer = HeaderMap::from_iter([
            header("content-type", "application/x-protobuf"),
            header("accept", "text/plain"),
            header("user-agent", "gateway"),
            header("pocket-trace", "7"),
            header("pocket-supplier", "somebody else"),
            header("x-outer", "never"),
        ]);
        let inner = HeaderMap::from_iter([
            header("content-type", "application/json"),
            header("connection", "upgrade"),
            header("host", "supplier.example"),
            header("accept-encoding", "gzip"),
            header("authorization", "of the caller"),
            header("x-inner", "kept"),
        ]);
        let call = HttpRequest {
            method: Method::POST,
            url: "/v1".to_owned(),
            headers: inner,
            body: Bytes::from_static(b"{}"),
        };
        let (supplier, application, service) = (address(1), address(2), ServiceId::from("anvil"));
        let origin = Origin { supplier: &supplier, application: &application, service: &service, outer: &outer };
        let target = Target::parse("http://node:1", None).unwrap();
        let configured = [header("authorization", "overridden"), header("x-operator", "set")];
        let prepared = prepare(call, &origin, RpcType::JsonRpc, &configured).unwrap();
        let request = prepared.to(&target, Some(&HeaderValue::from_static("of the operator"))).unwrap();
        let seen = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        assert_eq!(seen("content-type"), Some("application/json"));
        assert_eq!(seen("accept"), Some("text/plain"));
        assert_eq!(seen("user-agent"), Some("gateway"));
        assert_eq!(seen("accept-encoding"), Some("identity"));
        assert_eq!(seen("authorization"), Some("of the operator"));
        assert_eq!(seen("pocket-trace"), Some("7"));
        assert_eq!(seen("pocket-supplier"), Some(supplier.as_str()));
        assert_eq!(seen("pocket-application"), Some(application.as_str()));
        assert_eq!((seen("x-inner"), seen("x-operator")), (Some("kept"), Some("set")));
        assert_eq!((seen("connection"), seen("host"), seen("x-outer")), (None, None, None));
    }

    // rule: D-36, R-02
    #[test]
    fn what_no_node_can_be_sent_is_found_before_one_is_chosen() {
        let (address, service, outer) = (address(1), ServiceId::from("anvil"), HeaderMap::new());
        let origin = Origin { supplier: &address, application: &address, service: &service, outer: &outer };
        let call = |method, content_type: &'static str| HttpRequest {
            method,
            url: "/".to_owned(),
            headers: HeaderMap::from_iter([header("content-type", content_type)]),
            body: Bytes::new(),
        };
        let (json, grpc) = ("application/json", "application/grpc+proto");
        let cases = [
            (Method::CONNECT, json, RpcType::JsonRpc, false),
            (Method::POST, json, RpcType::WebSocket, false),
            (Method::POST, json, RpcType::Grpc, false),
            (Method::GET, grpc, RpcType::Grpc, false),
            (Method::POST, grpc, RpcType::Grpc, true),
            (Method::DELETE, json, RpcType::Rest, true),
        ];
        for (method, content_type, kind, good) in cases {
            let prepared = prepare(call(method.clone(), content_type), &origin, kind, &[]);
            assert_eq!(prepared.is_some(), good, "{method} {content_type} {kind}");
        }
    }
}
