use std::time::Duration;

use futures::StreamExt;
use relay_core::client::sign_request;
use relay_core::proto::pocket::service::relay_service_client::RelayServiceClient;
use tonic::Code;
use tonic_health::ServingStatus;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::call::{GrpcStage, WATCH, ask, framed, hash, number, only, payload, sequence, unframed};
use crate::stage::within;

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

// rule: G-08, R-03
#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_stream_is_a_relay_before_it_leaves() {
    let stage = GrpcStage::new().await;
    let request = stage.call(WATCH, &[ask("")]).await;
    let mut answers = stage.stream(only(&request)).await;
    let mut expected = Vec::new();
    for (place, health) in [(1, None), (2, Some(ServingStatus::NotServing)), (3, Some(ServingStatus::Serving))] {
        if let Some(health) = health {
            stage.node.health.set_service_status("", health).await;
        }
        let response = within(answers.message()).await.unwrap().unwrap();
        let verified = stage.verified(&request, &response);
        assert_eq!(sequence(&verified), place.to_string());
        assert_eq!(number(&verified), if place == 2 { 2 } else { 1 });
        assert_eq!(verified.answer.headers.contains_key("content-type"), place == 1, "the first has the headers");
        expected.push(hash(&request, &response));
        expected.sort_unstable();
        assert_eq!(stage.log().await, expected, "what has left is in the log");
    }
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (3, 3, 0));
}

// rule: G-08
#[tokio::test(flavor = "multi_thread")]
async fn both_sides_speak_in_turns() {
    let stage = GrpcStage::new().await;
    let (asking, mut answers) = stage.converse().await;
    let reflection = |message| framed(&ServerReflectionRequest { host: String::new(), message_request: Some(message) });
    let first = stage.call(REFLECTION, &[reflection(MessageRequest::ListServices(String::new()))]).await;
    asking.unbounded_send(first.clone()).unwrap();
    let listed = within(answers.message()).await.unwrap().unwrap();
    let answer: ServerReflectionResponse = unframed(&stage.verified(&first, &listed).answer.body);
    let Some(MessageResponse::ListServicesResponse(services)) = answer.message_response else { panic!("{answer:?}") };
    let symbol = services.service[0].name.clone();
    assert_eq!(symbol, "grpc.reflection.v1.ServerReflection");

    let second = stage.call(REFLECTION, &[reflection(MessageRequest::FileContainingSymbol(symbol))]).await;
    asking.unbounded_send(second.clone()).unwrap();
    let found = within(answers.message()).await.unwrap().unwrap();
    let answer: ServerReflectionResponse = unframed(&stage.verified(&second, &found).answer.body);
    assert!(matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_))), "{answer:?}");

    drop(asking);
    let last = within(answers.message()).await.unwrap().unwrap();
    let end = stage.verified(&second, &last);
    assert_eq!((&end.answer.headers["grpc-status"], sequence(&end)), (&"0".parse().unwrap(), "3"));
    assert!(end.answer.body.is_empty() && within(answers.message()).await.unwrap().is_none());
    let mut expected = [hash(&first, &listed), hash(&second, &found)];
    expected.sort_unstable();
    assert_eq!(stage.log().await, expected, "each answer with the request it is to; the end is none");
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (2, 2, 0));
}

// rule: G-08
#[tokio::test(flavor = "multi_thread")]
async fn uploads_have_one_answer_and_each_of_their_requests_is_spent() {
    let stage = GrpcStage::new().await;
    let mut requests = Vec::new();
    for name in ["a", "b", "c"] {
        requests.push(stage.call("/test.Own/Count", &[ask(name)]).await);
    }
    let mut answers = stage.stream(futures::stream::iter(requests.clone()).boxed()).await;
    let response = within(answers.message()).await.unwrap().unwrap();
    assert_eq!(number(&stage.verified(&requests[2], &response)), 3);
    let end = within(answers.message()).await.unwrap().unwrap();
    assert_eq!(stage.verified(&requests[2], &end).answer.headers["grpc-status"], "0");
    assert_eq!(stage.node.ends(), [true]);
    assert_eq!(stage.log().await, [hash(&requests[2], &response)]);
    for request in &requests {
        assert_eq!(stage.send(request).await.unwrap_err().code(), Code::AlreadyExists);
    }
}

// rule: R-19
#[tokio::test(flavor = "multi_thread")]
async fn equal_messages_are_different_relays() {
    let stage = GrpcStage::new().await;
    let request = stage.call("/test.Own/Same", &[ask("x")]).await;
    let mut answers = stage.stream(only(&request)).await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let response = within(answers.message()).await.unwrap().unwrap();
        assert_eq!(number(&stage.verified(&request, &response)), 1);
        expected.push(hash(&request, &response));
    }
    expected.sort_unstable();
    expected.dedup();
    assert_eq!((expected.len(), stage.log().await), (3, expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_messages_is_paid_once() {
    let stage = GrpcStage::new().await;
    for (url, status, text) in [("/unknown.Service/Method", 200, ""), ("/test.Own/Plain", 404, "nothing here")] {
        let before = stage.log().await.len();
        let request = stage.call(url, &[ask("")]).await;
        let mut answers = stage.stream(only(&request)).await;
        let response = within(answers.message()).await.unwrap().unwrap();
        let answer = stage.verified(&request, &response).answer;
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (status, text.as_bytes()));
        assert_eq!(answer.headers.get("grpc-status").is_some(), text.is_empty());
        assert!(within(answers.message()).await.unwrap().is_none());
        assert!(stage.log().await.contains(&hash(&request, &response)));
        assert_eq!(stage.log().await.len(), before + 1);
    }
}

// rule: G-08
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_does_not_read_holds_the_node_back() {
    let stage = GrpcStage::new().await;
    let small = tonic::transport::Channel::from_shared(stage.stage.url()).unwrap();
    let small = small.initial_stream_window_size(65_535).initial_connection_window_size(65_535);
    let mut client = RelayServiceClient::new(small.connect().await.unwrap());
    let request = stage.call("/test.Own/Flood", &[ask("")]).await;
    let mut answers = client.stream_relays(only(&request)).await.unwrap().into_inner();
    let mut seen = 0;
    within(async {
        while stage.node.flooded() == 0 || stage.node.flooded() != seen {
            seen = stage.node.flooded();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    })
    .await;
    let answered = stage.stage.running.books("answered").await;
    assert!(answered < seen, "{answered} relays of {seen} messages");
    for place in 1..=answered + 1 {
        let response = within(answers.message()).await.unwrap().unwrap();
        let verified = stage.verified(&request, &response);
        assert_eq!(
            (sequence(&verified), number(&verified)),
            (place.to_string().as_str(), i32::try_from(place).unwrap())
        );
    }
    drop(answers);
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!(entries.unexplained(), 0);
}

// rule: G-08
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_at_its_callers_deadline() {
    let stage = GrpcStage::new().await;
    let mut request = tonic::Request::new(only(&stage.call(WATCH, &[ask("")]).await));
    request.set_timeout(Duration::from_secs(2));
    let mut answers = stage.client.clone().stream_relays(request).await.unwrap().into_inner();
    within(answers.message()).await.unwrap().unwrap();
    let told = stage.node.heads()[0].headers["grpc-timeout"].to_str().unwrap().to_owned();
    assert!(told.strip_suffix('m').unwrap().parse::<u64>().unwrap() <= 2_000, "{told}");
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, "the caller's deadline has passed"));
}

// rule: D-02
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_grpc_call_or_not_signed_opens_no_stream() {
    let stage = GrpcStage::new().await;
    let json = stage.relay(crate::stage::payload(1)).await;
    let session = stage.stage.session().await;
    let stranger = relay_core::address::SecretKey::from_bytes(&[5; 32]).unwrap();
    let ring = [*stage.stage.key("app1").public_key(), *stranger.public_key()];
    let supplier = stage.stage.supplier();
    let forged = sign_request(&session.header, &ring, &supplier, payload(WATCH, &[ask("")]), &stranger).unwrap();
    for (request, code) in [(json, Code::InvalidArgument), (forged, Code::PermissionDenied)] {
        let status = within(stage.stream(only(&request)).await.message()).await.unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
    assert!(stage.node.heads().is_empty() && stage.log().await.is_empty());
}
