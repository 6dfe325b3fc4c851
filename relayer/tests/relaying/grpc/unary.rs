use std::time::Duration;

use relay_core::client::json_rpc_payload;
use relay_core::proto::pocket::service::relay_service_client::RelayServiceClient;
use relayer::config::PoolConfig;
use tonic::codec::CompressionEncoding;
use tonic_health::pb::HealthCheckResponse;

use super::call::{CHECK, GrpcStage, ask, backend, hash, unframed};
use super::node::Node;
use crate::stage::{payload, within};

// rule: R-03
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_over_grpc_is_answered_signed_and_recorded() {
    let stage = GrpcStage::new().await;
    let request = stage.check().await;
    let response = stage.send(&request).await.unwrap();
    let verified = stage.verified(&request, &response);
    assert_eq!(unframed::<HealthCheckResponse>(&verified.answer.body).status, 1);
    assert_eq!(verified.answer.headers["grpc-status"], "0", "trailers are among the headers");
    assert_eq!(stage.log().await, [hash(&request, &response)]);
    let head = &stage.node.heads()[0];
    assert_eq!((head.uri.path(), head.method.as_str()), (CHECK, "POST"));
    assert_eq!(
        (&head.headers["te"], &head.headers["content-type"]),
        (&"trailers".parse().unwrap(), &"application/grpc".parse().unwrap())
    );
    for (name, lines) in [
        ("ha_relayer_grpc_relays_total", r#"{service_id="svc1"} 1"#),
        ("ha_relayer_grpc_relays_published_total", r#"{service_id="svc1"} 1"#),
        ("ha_relayer_grpc_relay_latency_seconds_count", r#"{service_id="svc1"} 1"#),
        ("ha_relayer_relays_served_total", r#"{service_id="svc1",rpc_type="grpc",status_code="200"} 1"#),
    ] {
        let seen = stage.metric(name).await;
        assert!(seen.contains(&format!("{name}{lines}")), "{seen:?}");
    }
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn json_rpc_goes_over_grpc_too() {
    let stage = GrpcStage::new().await;
    let request = stage.relay(payload(7)).await;
    let response = stage.send(&request).await.unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&stage.verified(&request, &response).answer.body).unwrap();
    assert_eq!(answer["id"], 7);
    assert_eq!(stage.log().await, [hash(&request, &response)]);
    // The content type around the relay is not that of the call.
    let bare = relay_core::relay::envelope::encode_request(&relay_core::relay::envelope::HttpRequest {
        method: http::Method::POST,
        url: "/".to_owned(),
        headers: http::HeaderMap::new(),
        body: bytes::Bytes::from_static(b"{}"),
    });
    stage.send(&stage.relay(bare).await).await.unwrap();
    assert!(stage.stage.node.heads()[1].headers.get("content-type").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_metadata_says_about_the_kind_of_node_counts() {
    let stage = GrpcStage::new().await;
    for kind in ["3", "jsonrpc"] {
        let mut request = tonic::Request::new(stage.check().await);
        request.metadata_mut().insert("rpc-type", kind.parse().unwrap());
        stage.client.clone().send_relay(request).await.unwrap();
    }
    assert_eq!((stage.node.heads().len(), stage.stage.node.requests()), (0, 2));
}

// rule: D-18
#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_the_address_of_a_node_works() {
    let node = Node::start().await;
    for scheme in ["", "http://", "grpc://"] {
        let url = format!("{scheme}{}", node.address);
        let stage = GrpcStage::on(node.clone(), |config| backend(config, PoolConfig::of(url))).await;
        let request = stage.check().await;
        let response = stage.send(&request).await.unwrap();
        assert_eq!(stage.verified(&request, &response).answer.headers["grpc-status"], "0", "{scheme:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whole_streams_fit_into_one_relay() {
    let stage = GrpcStage::new().await;
    let request = stage.call("/test.Own/Count", &[ask("a"), ask("b"), ask("c")]).await;
    let response = stage.send(&request).await.unwrap();
    assert_eq!(unframed::<HealthCheckResponse>(&stage.verified(&request, &response).answer.body).status, 3);
    let request = stage.call("/test.Own/Echo", &[ask("a"), ask("bb")]).await;
    let response = stage.send(&request).await.unwrap();
    let body = stage.verified(&request, &response).answer.body;
    let (first, second) = body.split_at(7);
    let status = |frame| unframed::<HealthCheckResponse>(frame).status;
    assert_eq!((status(first), status(second)), (1, 2), "all messages of the answer, one after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_answers_is_paid_and_its_server_errors_are_not() {
    let stage = GrpcStage::new().await;
    let request = stage.call("/unknown.Service/Method", &[ask("")]).await;
    let response = stage.send(&request).await.unwrap();
    let answer = stage.verified(&request, &response).answer;
    assert_eq!((answer.status.as_u16(), &answer.headers["grpc-status"]), (200, &"12".parse().unwrap()));
    assert_eq!(stage.log().await, [hash(&request, &response)], "a status without a message is an answer");
    let status = stage.send(&stage.call("/test.Own/Fail", &[ask("")]).await).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (tonic::Code::Unavailable, "backend service error: HTTP 503"));
    assert_eq!(stage.log().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn packed_messages_are_taken_and_given() {
    let stage = GrpcStage::new().await;
    let mut client = RelayServiceClient::connect(stage.stage.url()).await.unwrap();
    client = client.send_compressed(CompressionEncoding::Gzip).accept_compressed(CompressionEncoding::Gzip);
    let request = stage.relay(json_rpc_payload(vec![b' '; 100_000].into())).await;
    let response = client.send_relay(request.clone()).await.unwrap();
    assert_eq!(response.metadata().get("grpc-encoding").unwrap(), "gzip");
    stage.verified(&request, response.get_ref());
    let unpacked = stage.client.clone().send_relay(stage.check().await).await.unwrap();
    assert!(unpacked.metadata().get("grpc-encoding").is_none(), "only who packs gets packed answers");
}

// rule: R-04
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_is_recorded_also_when_its_caller_has_left() {
    let stage = GrpcStage::new().await;
    let request = stage.call("/test.Own/Late", &[ask("")]).await;
    let client = stage.client.clone();
    let sending = tokio::spawn(async move { client.clone().send_relay(request).await });
    within(async {
        while stage.node.heads().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(stage.log().await.is_empty());
    stage.node.go();
    within(async {
        while stage.log().await.len() != 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

// rule: R-04
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_held_back_by_redis_beyond_the_wait() {
    let stage = GrpcStage::new().await;
    stage.send(&stage.check().await).await.unwrap();
    stage.stage.redis.pause().unwrap();
    let request = stage.check().await;
    let response = within(stage.send(&request)).await.unwrap();
    assert_eq!(stage.stage.running.books("unrecorded").await, 1, "it left before Redis had it");
    stage.stage.redis.resume().unwrap();
    within(async {
        while !stage.log().await.contains(&hash(&request, &response)) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

// rule: G-08
#[tokio::test(flavor = "multi_thread")]
async fn the_sooner_deadline_is_passed_on() {
    let stage = GrpcStage::new().await;
    let seen = |stage: &GrpcStage| {
        let heads = stage.node.heads();
        heads.last().unwrap().headers["grpc-timeout"].to_str().unwrap().trim_end_matches('m').parse::<u64>().unwrap()
    };
    stage.send(&stage.check().await).await.unwrap();
    let of_service = seen(&stage);
    assert!((1..=20_000).contains(&of_service), "{of_service}");
    let mut request = tonic::Request::new(stage.check().await);
    request.set_timeout(Duration::from_secs(5));
    stage.client.clone().send_relay(request).await.unwrap();
    let of_caller = seen(&stage);
    assert!((1..=5_000).contains(&of_caller), "{of_caller}");
}
