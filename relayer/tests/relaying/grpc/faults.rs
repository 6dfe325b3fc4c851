use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use relay_core::relay::envelope::{HttpRequest, encode_request};
use relayer::config::PoolConfig;
use tonic::Code;

use super::call::{GrpcStage, ask, backend, hash, timeout};
use super::node::Node;
use crate::stage::get;

// rule: R-05
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_be_reached_is_told_by_a_signed_answer_that_is_no_relay() {
    // Taken and given back, so nobody listens there.
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let node = Node::start().await;
    let stage = GrpcStage::on(node, |config| backend(config, PoolConfig::of(format!("grpc://{nobody}")))).await;
    let request = stage.check().await;
    let response = stage.send(&request).await.unwrap();
    let answer = stage.verified(&request, &response).answer;
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let text = "backend error: it cannot be reached, or broke off";
    assert_eq!((answer.status.as_u16(), &body["error"]), (500, &text.into()));
    let error = response.relay_miner_error.unwrap();
    assert_eq!((error.code, error.description.as_str()), (500, text));
    assert_eq!((error.codespace.as_str(), error.message.as_str()), ("", ""));
    let said = format!("{:?} {}", answer.headers, body);
    assert!(!said.contains(&nobody.port().to_string()), "nobody hears where the node is: {said}");
    assert!(stage.log().await.is_empty());
    stage.send(&request).await.expect("a request that got no answer may come again");
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (0, 0, 0));
}

// rule: R-05
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_too_slow_is_told_the_same_way() {
    let stage = GrpcStage::with(|config| timeout(config, Duration::from_millis(300))).await;
    let request = stage.call("/test.Own/Late", &[ask("")]).await;
    let response = stage.send(&request).await.unwrap();
    let error = stage.verified(&request, &response).response.relay_miner_error.unwrap();
    assert_eq!(error.description, "backend error: it did not answer in time");
    assert!(stage.log().await.is_empty());
}

// rule: R-02
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_nobody_can_be_sent_do_not_count_against_a_node() {
    let stage = GrpcStage::new().await;
    let call = |method: Method, url: &str, content_type: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        encode_request(&HttpRequest { method, url: url.to_owned(), headers, body: ask("") })
    };
    for number in 0..12 {
        let payload = match number % 3 {
            0 => call(Method::POST, "/../../etc", "application/grpc"),
            1 => call(Method::CONNECT, "/", "application/grpc"),
            _ => call(Method::POST, "/x y", "application/grpc"),
        };
        let request = stage.relay(payload).await;
        let response = stage.send(&request).await.unwrap();
        let error = stage.verified(&request, &response).response.relay_miner_error.unwrap();
        assert_eq!(error.description, "backend error: the call cannot be sent to it");
    }
    for kind in ["websocket", "rest", "nonsense"] {
        let mut misrouted = tonic::Request::new(stage.check().await);
        misrouted.metadata_mut().insert("rpc-type", kind.parse().unwrap());
        let status = stage.client.clone().send_relay(misrouted).await.unwrap_err();
        let text = "all backends unhealthy for service svc1";
        assert_eq!((status.code(), status.message()), (Code::Unavailable, text), "{kind}");
    }
    assert!(stage.node.heads().is_empty());
    let request = stage.check().await;
    let response = stage.send(&request).await.unwrap();
    assert_eq!(stage.log().await, [hash(&request, &response)]);
    let (status, ready) = get(stage.stage.running.relays, "/ready/svc1").await;
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((status, &ready["backends"]["healthy"]), (200, &ready["backends"]["total"]));
}

// rule: R-15
#[tokio::test(flavor = "multi_thread")]
async fn callers_in_a_hurry_do_not_count_against_a_node() {
    let stage = GrpcStage::new().await;
    for _ in 0..8 {
        let mut hurried = tonic::Request::new(stage.call("/test.Own/Late", &[ask("")]).await);
        hurried.set_timeout(Duration::from_millis(50));
        // The caller's own clock may be first, or ours: a signed reason, or none.
        if let Err(status) = stage.client.clone().send_relay(hurried).await {
            assert!(matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded), "{status:?}");
        }
    }
    let request = stage.check().await;
    stage.send(&request).await.unwrap();
    assert_eq!(stage.log().await.len(), 1);
}
