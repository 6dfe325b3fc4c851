use std::convert::Infallible;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use relay_core::proto::pocket::service::{QueryGetRelayMiningDifficultyAtHeightResponse, RelayMiningDifficulty};
use tokio::net::TcpListener;

use super::stage::SERVICE;

const DIFFICULTY: &str = "/pocket.service.Query/RelayMiningDifficultyAtHeight";

type Body = BoxBody<Bytes, hyper::Error>;
type Upstream = Client<HttpConnector, Incoming>;

/// A node's gRPC that says the service is hard, and everything else as the node behind it. A chain learns difficulties from
/// settled claims only, so a young one has none. Gives its address; it ends with the test's runtime.
pub(crate) async fn start(behind: String, target: [u8; 32]) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let upstream: Upstream = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (upstream, behind) = (upstream.clone(), behind.clone());
            let service = service_fn(move |request| answer(request, upstream.clone(), behind.clone(), target));
            tokio::spawn(async move {
                let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address.to_string()
}

async fn answer(
    mut request: Request<Incoming>,
    upstream: Upstream,
    behind: String,
    target: [u8; 32],
) -> Result<Response<Body>, Infallible> {
    if request.uri().path() == DIFFICULTY {
        return Ok(difficulty(target));
    }
    let host = behind.trim_start_matches("http://");
    *request.uri_mut() = format!("http://{host}{}", request.uri().path()).parse().unwrap();
    *request.version_mut() = http::Version::HTTP_2;
    Ok(upstream.request(request).await.unwrap().map(BodyExt::boxed))
}

fn difficulty(target: [u8; 32]) -> Response<Body> {
    let difficulty = RelayMiningDifficulty {
        service_id: SERVICE.to_owned(),
        block_height: 1,
        num_relays_ema: 1,
        target_hash: target.to_vec(),
    };
    let message = QueryGetRelayMiningDifficultyAtHeightResponse { relay_mining_difficulty: Some(difficulty) };
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.encoded_len()).unwrap());
    message.encode(&mut frame).unwrap();
    let trailers =
        HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let body = Full::new(frame.freeze()).with_trailers(async move { Some(Ok(trailers)) });
    let mut response = Response::new(body.map_err(|never: Infallible| match never {}).boxed());
    for (name, value) in [("content-type", "application/grpc"), ("x-cosmos-block-height", "1000")] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
