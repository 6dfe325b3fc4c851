use bytes::Bytes;
use relay_core::address::SecretKey;
use relay_core::client::sign_request;
use relay_core::proto::pocket::service::relay_service_client::RelayServiceClient;
use relay_core::proto::pocket::service::{RelayRequest, RelayRequestMetadata};
use relay_core::units::ServiceId;
use relayer::config::RecordingMode;
use tonic::Code;
use tonic::codec::CompressionEncoding;

use super::call::{CHECK, GrpcStage, ask, only, payload};

fn changed(request: &RelayRequest, change: impl FnOnce(&mut RelayRequest)) -> RelayRequest {
    let mut request = request.clone();
    change(&mut request);
    request
}

fn meta(request: &mut RelayRequest) -> &mut RelayRequestMetadata {
    request.meta.as_mut().unwrap()
}

fn header(request: &mut RelayRequest) -> &mut relay_core::proto::pocket::session::SessionHeader {
    meta(request).session_header.as_mut().unwrap()
}

// rule: D-02
#[tokio::test(flavor = "multi_thread")]
async fn forged_and_broken_relays_get_their_status_and_never_reach_the_node() {
    let stage = GrpcStage::new().await;
    let (session, supplier, application) =
        (stage.stage.session().await, stage.stage.supplier(), stage.stage.key("app1"));
    let good = stage.check().await;
    let stranger = SecretKey::from_bytes(&[5; 32]).unwrap();
    let ring = [*application.public_key(), *stranger.public_key()];
    let forged = sign_request(&session.header, &ring, &supplier, payload(CHECK, &[ask("")]), &stranger).unwrap();
    let mut foreign = session.header.clone();
    foreign.id = "ab".repeat(32).as_str().into();
    let foreign = sign_request(&foreign, &session.ring, &supplier, payload(CHECK, &[ask("")]), &application).unwrap();
    let elsewhere = SecretKey::from_bytes(&[7; 32]).unwrap();
    let wrong_supplier =
        sign_request(&session.header, &session.ring, elsewhere.address(), payload(CHECK, &[]), &application).unwrap();
    let no_signer = format!("no signer for supplier {}", elsewhere.address());
    let not_http = stage.relay(Bytes::from_static(b"\xff\xff")).await;
    let unknown = ServiceId::from("elsewhere");
    let mut other_service = session.header.clone();
    other_service.service = unknown;
    let other_service =
        sign_request(&other_service, &session.ring, &supplier, payload(CHECK, &[]), &application).unwrap();

    let invalid = "relay validation failed: validation failed: ";
    let cases = [
        (
            "empty",
            RelayRequest::default(),
            Code::InvalidArgument,
            "missing session header in RelayRequest",
            "missing_session_header",
        ),
        (
            "no header",
            changed(&good, |relay| meta(relay).session_header = None),
            Code::InvalidArgument,
            "missing session header in RelayRequest",
            "missing_session_header",
        ),
        (
            "no service",
            changed(&good, |relay| header(relay).service_id.clear()),
            Code::InvalidArgument,
            "missing service ID in session header",
            "missing_service_id",
        ),
        (
            "no supplier",
            changed(&good, |relay| meta(relay).supplier_operator_address.clear()),
            Code::InvalidArgument,
            "missing supplier operator address in RelayRequest",
            "missing_supplier_address",
        ),
        ("no key", wrong_supplier, Code::FailedPrecondition, no_signer.as_str(), "no_signer"),
        ("other service", other_service, Code::NotFound, "unknown service: elsewhere", "unknown_service"),
        ("forged", forged, Code::PermissionDenied, invalid, "validation_failed"),
        (
            "unsigned",
            changed(&good, |relay| meta(relay).signature.clear()),
            Code::PermissionDenied,
            invalid,
            "validation_failed",
        ),
        (
            "broken signature",
            changed(&good, |relay| meta(relay).signature[40] ^= 1),
            Code::PermissionDenied,
            invalid,
            "validation_failed",
        ),
        (
            "other payload",
            changed(&good, |relay| relay.payload = payload(CHECK, &[ask("x")])),
            Code::PermissionDenied,
            invalid,
            "validation_failed",
        ),
        ("unknown session", foreign, Code::PermissionDenied, invalid, "validation_failed"),
        (
            "no call inside",
            not_http,
            Code::InvalidArgument,
            "failed to deserialize POKTHTTPRequest: ",
            "payload_deserialize_error",
        ),
    ];
    for (what, request, code, text, reason) in cases {
        let before = errors(&stage, reason).await;
        let status = stage.send(&request).await.unwrap_err();
        assert!(status.code() == code && status.message().starts_with(text), "{what}: {status:?}");
        assert_eq!(errors(&stage, reason).await, before + 1, "{what}");
    }
    assert!(stage.node.heads().is_empty() && stage.stage.node.requests() == 0, "no bad relay may reach a node");
    assert!(stage.log().await.is_empty());
    stage.send(&good).await.expect("the good one is still good");
    let replayed = stage.send(&good).await.unwrap_err();
    assert_eq!((replayed.code(), replayed.message()), (Code::AlreadyExists, "this signed request was already served"));
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended), (1, 1));
}

/// All errors of a reason, whatever the service.
async fn errors(stage: &GrpcStage, reason: &str) -> u64 {
    let lines = stage.metric("ha_relayer_grpc_relay_errors_total").await;
    let of_reason = lines.iter().filter(|line| line.contains(&format!("reason=\"{reason}\"")));
    of_reason.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_are_not_served() {
    let stage = GrpcStage::new().await;
    let channel = tonic::transport::Channel::from_shared(stage.stage.url()).unwrap().connect().await.unwrap();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let status = health.check(tonic_health::pb::HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unimplemented, "unknown method: /grpc.health.v1.Health/Check")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_are_refused_packed_or_not() {
    let stage = GrpcStage::with(|config| config.limits.request_bytes = 100_000).await;
    let mut packing = RelayServiceClient::connect(stage.stage.url()).await.unwrap();
    packing = packing.send_compressed(CompressionEncoding::Gzip);
    let large = RelayRequest { payload: vec![0; 100_001].into(), ..stage.check().await };
    let bomb = RelayRequest { payload: vec![0; 50_000_000].into(), ..stage.check().await };
    let text = "failed to receive request: request body too large";
    for (what, status) in [
        ("large", stage.send(&large).await.unwrap_err()),
        ("packed", packing.send_relay(large).await.unwrap_err()),
        ("bomb", packing.send_relay(bomb).await.unwrap_err()),
    ] {
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, text), "{what}");
    }
    stage.send(&stage.check().await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_is_told_when_to_come_back() {
    let stage = GrpcStage::with(|config| config.limits.in_flight = 1).await;
    let late = stage.call("/test.Own/Late", &[ask("")]).await;
    let mut client = stage.client.clone();
    let sending = tokio::spawn(async move { client.send_relay(late).await });
    while stage.node.heads().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let status = stage.send(&stage.check().await).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "relayer overloaded"));
    assert_eq!(status.metadata().get("grpc-retry-pushback-ms").unwrap(), "1000");
    stage.node.go();
    sending.await.unwrap().unwrap();
}

// rule: D-04, D-17
#[tokio::test(flavor = "multi_thread")]
async fn messages_share_the_memory_for_bodies() {
    let stage = GrpcStage::with(|config| {
        (config.limits.request_bytes, config.limits.body_bytes) = (100_000, 100_000);
    })
    .await;
    let large = "x".repeat(60_000);
    let late = stage.call("/test.Own/Late", &[ask(&large)]).await;
    let mut client = stage.client.clone();
    let sending = tokio::spawn(async move { client.send_relay(late).await });
    while stage.node.heads().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let another = stage.call(CHECK, &[ask(&large)]).await;
    let status = stage.send(&another).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "relayer overloaded"));
    let status = stage.stream(only(&another)).await.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "relayer overloaded"));
    stage.send(&stage.check().await).await.expect("there is memory for a small one");
    stage.node.go();
    sending.await.unwrap().unwrap();
    stage.send(&another).await.expect("and for a large one, once the other is done with");
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_recording_withholds_answers_over_grpc_too() {
    let stage = GrpcStage::with(|config| config.recording.mode = RecordingMode::Strict).await;
    stage.send(&stage.check().await).await.unwrap();
    stage.stage.redis.pause().unwrap();
    let status = stage.send(&stage.check().await).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "relays cannot be recorded now"));
    assert!(status.metadata().get("grpc-retry-pushback-ms").is_some());
    stage.stage.redis.resume().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_sends_too_slowly_is_refused() {
    let stage = GrpcStage::with(|config| {
        config.limits.receive_timeout = relay_core::config::Period::from_millis(300);
    })
    .await;
    let nothing = stage.client.clone().stream_relays(futures::stream::pending()).await;
    let status = nothing.unwrap().into_inner().message().await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::InvalidArgument, "failed to receive request: failed to read request body")
    );
}
