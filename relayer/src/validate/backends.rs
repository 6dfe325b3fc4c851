use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, TE, UPGRADE};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Full;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use relay_core::relay::RpcType;

use super::{Finding, PATIENCE};
use crate::config::{Config, EndpointConfig, PoolConfig};

/// Nodes that are asked at a time.
const AT_A_TIME: usize = 16;
/// A gRPC message without a byte: the health service is asked about the server as a whole.
const EMPTY_MESSAGE: &[u8] = &[0; 5];
/// Any 16 bytes in base64 will do.
const SOCKET_KEY: &str = "cG9ja2V0LXJlbGF5LW1pbg==";

/// Asks every node in the way of its kind: HTTP and gRPC for any answer, WebSocket for a handshake.
pub(super) async fn reach(config: &Config) -> Vec<Finding> {
    let nodes = config.services.iter().flat_map(|(id, service)| {
        service.backends.iter().flat_map(move |(kind, pool)| {
            let place = format!("services.{id}.backends.{kind}");
            pool.nodes().into_iter().map(move |node| (format!("{place} {}", node.label()), *kind, pool, node))
        })
    });
    let answers = futures::stream::iter(nodes).map(|(subject, kind, pool, node)| async move {
        match tokio::time::timeout(PATIENCE, ask(kind, pool, &node)).await {
            Ok(Ok(status)) => judge(subject, kind, status),
            Ok(Err(reason)) => {
                Finding::error(subject, format!("it does not answer: {reason}; is it up, and the URL right?"))
            }
            Err(_) => Finding::error(subject, format!("no answer within {} s", PATIENCE.as_secs())),
        }
    });
    answers.buffered(AT_A_TIME).collect().await
}

fn judge(subject: String, kind: RpcType, status: StatusCode) -> Finding {
    let socket = kind == RpcType::WebSocket;
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Finding::warning(subject, format!("it answers {status}: does it want `authentication`?"))
        }
        StatusCode::SWITCHING_PROTOCOLS if socket => Finding::info(subject, "it takes WebSockets"),
        status if socket => {
            Finding::error(subject, format!("it answers a WebSocket handshake with {status}: is the path right?"))
        }
        status if status.is_server_error() => Finding::warning(subject, format!("it answers {status}")),
        status => Finding::info(subject, format!("it answers ({})", status.as_u16())),
    }
}

async fn ask(kind: RpcType, pool: &PoolConfig, node: &EndpointConfig) -> Result<StatusCode, String> {
    let request = request(kind, pool, node)?;
    let mut dial = HttpConnector::new();
    dial.enforce_http(false);
    dial.set_connect_timeout(Some(Duration::from_secs(4)));
    let tls = HttpsConnectorBuilder::new().with_native_roots().map_err(|error| error.to_string())?.https_or_http();
    let grpc = kind == RpcType::Grpc;
    // A socket begins with HTTP/1.1.
    let connector =
        if grpc { tls.enable_http2().wrap_connector(dial) } else { tls.enable_http1().wrap_connector(dial) };
    let client = Client::builder(TokioExecutor::new()).http2_only(grpc).build::<_, Full<Bytes>>(connector);
    let response = client.request(request).await.map_err(|error| with_causes(&error))?;
    Ok(response.status())
}

fn request(kind: RpcType, pool: &PoolConfig, node: &EndpointConfig) -> Result<Request<Full<Bytes>>, String> {
    let mut request = match kind {
        RpcType::Grpc => Request::builder()
            .method(Method::POST)
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .uri(url(node, Some("/grpc.health.v1.Health/Check"))?)
            .body(Full::from(EMPTY_MESSAGE)),
        RpcType::WebSocket => Request::builder()
            .uri(url(node, None)?)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, SOCKET_KEY)
            .body(Full::default()),
        RpcType::JsonRpc | RpcType::Rest | RpcType::CometBft => {
            Request::builder().uri(url(node, pool.base_path.as_deref())?).body(Full::default())
        }
    }
    .map_err(|error| error.to_string())?;
    for (name, value) in &pool.headers {
        if let (Ok(name), Ok(value)) = (http::HeaderName::try_from(name), http::HeaderValue::try_from(value)) {
            request.headers_mut().insert(name, value);
        }
    }
    if let Some(authentication) = &pool.authentication {
        let credential = authentication.header().map_err(|error| error.to_string())?;
        request.headers_mut().insert(AUTHORIZATION, credential);
    }
    Ok(request)
}

/// The URL as HTTP has it, with this path in place of its own.
fn url(node: &EndpointConfig, path: Option<&str>) -> Result<Uri, String> {
    let (scheme, rest) = match node.url.split_once("://") {
        Some(("https" | "wss" | "grpcs", rest)) => ("https", rest),
        Some((_, rest)) => ("http", rest),
        None => ("http", node.url.as_str()),
    };
    let uri: Uri = format!("{scheme}://{rest}").parse().map_err(|_| "the URL cannot be used".to_owned())?;
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let own = uri.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder()
        .scheme(scheme)
        .authority(host)
        .path_and_query(path.unwrap_or(own))
        .build()
        .map_err(|_| "the URL cannot be used".to_owned())
}

/// The client's own words are "client error"; what happened is in its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}
