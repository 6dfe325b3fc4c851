//! The gRPC door: one HTTP/2 request is one unary call.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::door::Passage;
use super::{Failure, Faults, Upstream, broadcast};
use crate::{Error, wire};

const BROADCAST: &str = "/cosmos.tx.v1beta1.Service/BroadcastTx";
const GET_TX: &str = "/cosmos.tx.v1beta1.Service/GetTx";
const LATEST_BLOCK: &str = "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock";
const BLOCK_BY_HEIGHT: &str = "/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight";
const HEIGHT: &str = "x-cosmos-block-height";

const NOT_FOUND: u8 = 5;
const UNAVAILABLE: u8 = 14;

type Body = UnsyncBoxBody<Bytes, hyper::Error>;

pub(super) async fn serve(stream: TcpStream, passage: Passage) {
    let service = service_fn(move |request| {
        let passage = passage.clone();
        async move { Ok::<_, Infallible>(answer(request, &passage).await) }
    });
    // A client that breaks off is its own affair.
    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, passage: &Passage) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    passage.upstream.count(&path);
    let Ok(body) = body.collect().await else {
        return status(UNAVAILABLE, "the request broke off");
    };
    let mut body = body.to_bytes();

    let faults = passage.hold(&path).await;
    if let Some(failure) = &faults.failure {
        return refuse(failure);
    }
    if path == BROADCAST
        && let Some(transaction) = message(&body).and_then(|message| wire::get_bytes(message, 1))
        && let Some(hash) = broadcast::decide(passage, &faults, Bytes::copy_from_slice(transaction))
    {
        return acknowledge(&hash);
    }
    let reached = match pin(&path, &mut parts, &mut body, &faults, passage).await {
        Ok(reached) => reached,
        Err(error) => return status(UNAVAILABLE, &error.to_string()),
    };
    match forward(parts, body, passage).await {
        Ok(response) if path == GET_TX => hide_newer(response, reached).await,
        Ok(response) => response,
        Err(error) => status(UNAVAILABLE, &error.to_string()),
    }
}

/// For a lagging node, asks for the state at the height that it has reached; that height is the answer.
async fn pin(
    path: &str,
    parts: &mut http::request::Parts,
    body: &mut Bytes,
    faults: &Faults,
    passage: &Passage,
) -> Result<Option<i64>, Error> {
    let Some(lag) = faults.lag.filter(|lag| lag.blocks > 0) else {
        return Ok(None);
    };
    let reached = passage.upstream.reached(lag).await?;
    let asked =
        parts.headers.get(HEIGHT).and_then(|value| value.to_str().ok()?.parse().ok()).filter(|asked| *asked > 0);
    let height = match asked {
        // The real node itself then says that this height is in the future.
        Some(asked) if asked > reached => i64::MAX - 1,
        Some(asked) => asked,
        None => reached,
    };
    parts.headers.insert(HEIGHT, HeaderValue::from(height));
    // Not a query of the application's state, so the header does not reach it.
    if path == LATEST_BLOCK {
        let mut request = Vec::new();
        wire::put_integer(&mut request, 1, reached.unsigned_abs());
        *body = frame(&request);
        parts.uri = Upstream::uri(&passage.upstream.grpc, BLOCK_BY_HEIGHT)?;
    }
    Ok(Some(reached))
}

async fn forward(mut parts: http::request::Parts, body: Bytes, passage: &Passage) -> Result<Response<Body>, Error> {
    parts.uri = Upstream::uri(&passage.upstream.grpc, parts.uri.path())?;
    parts.headers.remove(hyper::header::CONTENT_LENGTH); // the body may have changed
    let request = Request::from_parts(parts, Full::new(body));
    let unreachable = |error| Error::Unreachable { url: passage.upstream.grpc.clone(), reason: format!("{error:?}") };
    let response = passage.upstream.grpc_client.request(request).await.map_err(unreachable)?;
    // Trailers, where gRPC keeps its status, travel with the body.
    Ok(response.map(BodyExt::boxed_unsync))
}

/// A lagging node does not know transactions of blocks above its height.
async fn hide_newer(response: Response<Body>, reached: Option<i64>) -> Response<Body> {
    let Some(reached) = reached else { return response };
    let (parts, body) = response.into_parts();
    let Ok(collected) = body.collect().await else {
        return status(UNAVAILABLE, "the answer broke off");
    };
    let trailers = collected.trailers().cloned();
    let bytes = collected.to_bytes();
    let height = message(&bytes)
        .and_then(|found| wire::get_bytes(found, 2))
        .and_then(|transaction| wire::get_integer(transaction, 1))
        .and_then(|height| i64::try_from(height).ok());
    if height.is_some_and(|height| height > reached) {
        return status(NOT_FOUND, "tx not found");
    }
    Response::from_parts(parts, with_trailers(bytes, trailers))
}

fn refuse(failure: &Failure) -> Response<Body> {
    match failure {
        Failure::Grpc { code, message } => status(*code, message),
        Failure::Http(code) => {
            let mut response = Response::new(with_trailers(Bytes::new(), None));
            *response.status_mut() = *code;
            response
        }
    }
}

/// A call that ends with this status and no message.
fn status(code: u8, text: &str) -> Response<Body> {
    let mut response = Response::new(with_trailers(Bytes::new(), None));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().extend(status_headers(code, text));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// What a node answers to a transaction that its mempool took.
fn acknowledge(hash: &str) -> Response<Body> {
    let (mut transaction, mut answer) = (Vec::new(), Vec::new());
    wire::put_bytes(&mut transaction, 2, hash.as_bytes());
    wire::put_bytes(&mut answer, 1, &transaction);
    let mut response = Response::new(with_trailers(frame(&answer), Some(status_headers(0, ""))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

fn status_headers(code: u8, text: &str) -> HeaderMap {
    // gRPC percent-encodes what is not printable ASCII; the texts that we send need no more than this.
    let text = text.replace('%', "%25").replace('\n', "%0A");
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from(u16::from(code)));
    if let Ok(text) = HeaderValue::from_str(&text) {
        headers.insert("grpc-message", text);
    }
    headers
}

fn with_trailers(body: Bytes, trailers: Option<HeaderMap>) -> Body {
    let body = Full::new(body).map_err(|never| match never {});
    match trailers {
        Some(trailers) => body.with_trailers(async move { Some(Ok(trailers)) }).boxed_unsync(),
        None => body.boxed_unsync(),
    }
}

/// The message inside gRPC's five-byte frame, if it is whole and not compressed.
fn message(framed: &[u8]) -> Option<&[u8]> {
    let (header, message) = framed.split_first_chunk::<5>()?;
    let [0, length @ ..] = header else { return None };
    message.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn frame(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX); // our own messages have a hundred bytes
    [&[0], length.to_be_bytes().as_slice(), message].concat().into()
}
