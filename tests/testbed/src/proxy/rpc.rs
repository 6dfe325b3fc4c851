//! The RPC door: CometBFT's HTTP interface and its websocket on one port.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::UPGRADE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::call::Call;
use super::door::Passage;
use super::{Failure, broadcast, lagging, websocket};
use crate::hex;

pub(super) async fn serve(stream: TcpStream, passage: Passage) {
    let service = service_fn(move |request| {
        let passage = passage.clone();
        async move { Ok::<_, Infallible>(answer(request, passage).await) }
    });
    // A client that breaks off is its own affair.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn answer(request: Request<Incoming>, passage: Passage) -> Response<Full<Bytes>> {
    if request.headers().contains_key(UPGRADE) {
        let faults = passage.hold("websocket").await;
        return match &faults.failure {
            Some(failure) => refuse(failure).map(Full::new),
            None => websocket::accept(request, passage),
        };
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else {
        return plain(StatusCode::BAD_REQUEST, "the request broke off").map(Full::new);
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let call = Call::new(parts.method, path, body.to_bytes());
    let mut response = respond(call, &passage).await;
    // Lengths and connection handling are this server's own.
    response.headers_mut().remove(hyper::header::CONTENT_LENGTH);
    response.headers_mut().remove(hyper::header::TRANSFER_ENCODING);
    response.headers_mut().remove(hyper::header::CONNECTION);
    response.map(Full::new)
}

async fn respond(call: Call, passage: &Passage) -> Response<Bytes> {
    let upstream = &passage.upstream;
    upstream.count(&call.method);
    let faults = passage.hold(&call.method).await;
    if let Some(failure) = &faults.failure {
        return refuse(failure);
    }
    if call.method.starts_with("broadcast_tx")
        && let Some(bytes) = transaction(&call)
        && let Some(hash) = broadcast::decide(passage, &faults, bytes)
    {
        return call.result(&json!({"code": 0, "data": "", "log": "", "codespace": "", "hash": hash}));
    }
    let answered = match faults.lag.filter(|lag| lag.blocks > 0) {
        Some(lag) => lagging::answer(call, lag, upstream).await,
        None => call.forward(&upstream.rpc).await,
    };
    answered.unwrap_or_else(|error| plain(StatusCode::BAD_GATEWAY, &error.to_string()))
}

/// The transaction of a broadcast: base64 in JSON, hex or quoted text in a URL. The last is no transaction that anybody sends.
fn transaction(call: &Call) -> Option<Bytes> {
    let text = call.param("tx")?;
    match text.strip_prefix("0x") {
        Some(digits) => hex::decode(digits).map(Bytes::from),
        None => BASE64.decode(text).ok().map(Bytes::from),
    }
}

fn refuse(failure: &Failure) -> Response<Bytes> {
    match failure {
        Failure::Grpc { message, .. } => plain(StatusCode::INTERNAL_SERVER_ERROR, message),
        Failure::Http(code) => plain(*code, "the test bed makes this request fail"),
    }
}

fn plain(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(text.as_bytes()));
    *response.status_mut() = status;
    response
}
