use bytes::Bytes;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use relay_core::proto::pocket::service::RelayResponse;
use relay_core::proto::pocket::service::relay_service_client::RelayServiceClient;
use tonic_health::pb::HealthCheckResponse;
use tonic_web::GrpcWebClientLayer;
use tower::ServiceBuilder;

use super::call::{GrpcStage, framed, hash, unframed};

const PATH: &str = "/pocket.service.RelayService/SendRelay";

/// As a browser does: HTTP/1.1, and nothing but POST.
async fn post(stage: &GrpcStage, path: &str, content_type: &str, body: Vec<u8>) -> Response<Bytes> {
    let http: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}{path}", stage.stage.url()))
        .header("content-type", content_type)
        .header("origin", "https://wallet.example")
        .header("x-grpc-web", "1")
        .body(Full::new(body.into()))
        .unwrap();
    let (parts, body) = http.request(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// The message and the trailers in the last frame, whose flag has its highest bit set.
fn parts(body: &[u8]) -> (RelayResponse, String) {
    let length = 5 + u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
    let (message, trailers) = body.split_at(length);
    let trailers_length = u32::from_be_bytes(trailers[1..5].try_into().unwrap()) as usize;
    assert_eq!((message[0], trailers[0], trailers.len()), (0, 0x80, 5 + trailers_length));
    (RelayResponse::decode(&message[5..]).unwrap(), String::from_utf8(trailers[5..].to_vec()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_sends_relays_binary_and_as_text() {
    let stage = GrpcStage::new().await;
    let request = stage.check().await;
    let response = post(&stage, PATH, "application/grpc-web+proto", framed(&request).to_vec()).await;
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (200, &"application/grpc-web+proto".parse().unwrap())
    );
    assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://wallet.example");
    let (binary, trailers) = parts(response.body());
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    let answer = stage.verified(&request, &binary).answer;
    assert_eq!(unframed::<HealthCheckResponse>(&answer.body).status, 1);

    let again = stage.check().await;
    let body = base64(&framed(&again)).into_bytes();
    let response = post(&stage, &format!("/some/where{PATH}"), "application/grpc-web-text", body).await;
    assert_eq!(response.headers()["content-type"], "application/grpc-web-text+proto");
    let (text, trailers) = parts(&unbase64(response.body()));
    assert!(trailers.contains("grpc-status:0"), "{trailers}");
    stage.verified(&again, &text);
    let mut expected = [hash(&request, &binary), hash(&again, &text)];
    expected.sort_unstable();
    assert_eq!(stage.log().await, expected);
    assert_eq!(
        stage.metric("ha_relayer_grpc_web_requests_total").await,
        [r#"ha_relayer_grpc_web_requests_total{service_id="svc1"} 2"#]
    );
}

// rule: D-02
#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_over_grpc_is_refused_over_grpc_web() {
    let stage = GrpcStage::new().await;
    let mut forged = stage.check().await;
    forged.meta.as_mut().unwrap().signature[40] ^= 1;
    let response = post(&stage, PATH, "application/grpc-web", framed(&forged).to_vec()).await;
    assert_eq!(response.headers()["grpc-status"], "7");
    let exposed = response.headers()["access-control-expose-headers"].to_str().unwrap();
    assert!(exposed.contains("grpc-status") && exposed.contains("grpc-message"), "scripts have to see it: {exposed}");
    assert!(stage.node.heads().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_may_ask_from_anywhere() {
    let stage = GrpcStage::new().await;
    let http: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("{}{PATH}", stage.stage.url()))
        .header("origin", "https://wallet.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type,x-grpc-web")
        .body(Full::default())
        .unwrap();
    let response = http.request(request).await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "https://wallet.example");
    assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_METHODS], "POST");
    assert_eq!(response.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "content-type,x-grpc-web");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_grpc_web_sends_and_streams() {
    let stage = GrpcStage::new().await;
    let http = Client::builder(TokioExecutor::new()).build_http();
    let layered = ServiceBuilder::new().layer(GrpcWebClientLayer::new()).service(http);
    let mut client = RelayServiceClient::with_origin(layered, stage.stage.url().parse::<Uri>().unwrap());
    let request = stage.check().await;
    let response = client.send_relay(request.clone()).await.unwrap().into_inner();
    assert_eq!(unframed::<HealthCheckResponse>(&stage.verified(&request, &response).answer.body).status, 1);
    let request = stage.check().await;
    let mut answers = client.stream_relays(futures::stream::iter([request.clone()])).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap();
    let last = answers.message().await.unwrap().unwrap();
    assert!(answers.message().await.unwrap().is_none());
    stage.verified(&request, &first);
    assert_eq!(stage.verified(&request, &last).answer.headers["grpc-status"], "0");
    assert_eq!(stage.log().await.len(), 2);
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain(&[0; 2]).take(3).fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        for place in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { letter.into() } else { '=' });
        }
    }
    text
}

/// Reads pieces that were each padded on their own, as they are when a body comes in parts.
fn unbase64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for quad in text.chunks(4) {
        let digits = quad.iter().filter_map(|letter| ALPHABET.iter().position(|other| other == letter));
        let digits: Vec<usize> = digits.collect();
        let bits = digits.iter().chain(&[0; 4]).take(4).fold(0_usize, |bits, digit| bits << 6 | digit);
        bytes.extend(&u32::try_from(bits).unwrap().to_be_bytes()[1..digits.len()]);
    }
    bytes
}
