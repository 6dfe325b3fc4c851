use std::time::Duration;

use futures::StreamExt;
use futures::channel::oneshot;
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tonic::Code;

use super::call::{GrpcStage, WATCH, ask, framed, hash, number, only, timeout};
use crate::stage::within;

const COUNT: &str = "/test.Own/Count";
const ECHO: &str = "/test.Own/Echo";

async fn until(what: impl AsyncFn() -> bool) {
    within(async {
        while !what().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

// rule: D-02
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_ends_its_stream_and_the_node_sees_no_proper_end() {
    let stage = GrpcStage::new().await;
    let (asking, mut answers) = stage.converse().await;
    asking.unbounded_send(stage.call(COUNT, &[ask("a")]).await).unwrap();
    until(async || !stage.node.heads().is_empty()).await;
    let mut forged = stage.call(COUNT, &[ask("b")]).await;
    forged.meta.as_mut().unwrap().signature[40] ^= 1;
    asking.unbounded_send(forged).unwrap();
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.message().starts_with("relay validation failed: validation failed: "), "{status:?}");
    until(async || stage.node.ends() == [false]).await;
    assert!(stage.log().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_belong_elsewhere_end_the_stream() {
    let stage = GrpcStage::new().await;
    let (asking, mut answers) = stage.converse().await;
    let first = stage.call(ECHO, &[ask("a")]).await;
    asking.unbounded_send(first.clone()).unwrap();
    let response = within(answers.message()).await.unwrap().unwrap();
    asking.unbounded_send(stage.call(COUNT, &[ask("b")]).await).unwrap();
    let status = within(answers.message()).await.unwrap_err();
    let text = "a request for another method cannot continue this stream";
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, text));
    assert_eq!(stage.log().await, [hash(&first, &response)], "what was answered stays a relay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_request_does_not_continue_a_stream() {
    let stage = GrpcStage::new().await;
    let (asking, mut answers) = stage.converse().await;
    let request = stage.call(ECHO, &[ask("a")]).await;
    asking.unbounded_send(request.clone()).unwrap();
    within(answers.message()).await.unwrap().unwrap();
    asking.unbounded_send(request).unwrap();
    assert_eq!(within(answers.message()).await.unwrap_err().code(), Code::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_session_ends_its_streams() {
    let stage = GrpcStage::new().await;
    let request = stage.call(WATCH, &[ask("")]).await;
    let mut answers = stage.stream(only(&request)).await;
    let response = within(answers.message()).await.unwrap().unwrap();
    let end = stage.stage.session().await.header.end;
    while stage.stage.chain.height().await.unwrap() <= end.0 {
        stage.stage.advance(1).await;
    }
    stage.node.health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
    let second = within(answers.message()).await.unwrap().expect("relays are good in the grace period");
    stage.stage.advance(10).await;
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    assert!(status.message().starts_with("the session takes no more relays after height "), "{status:?}");
    let mut expected = [hash(&request, &response), hash(&request, &second)];
    expected.sort_unstable();
    assert_eq!(stage.log().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_streams_and_loses_nothing() {
    let stage = GrpcStage::new().await;
    let mut answers = stage.stream(only(&stage.call(WATCH, &[ask("")]).await)).await;
    within(answers.message()).await.unwrap().unwrap();
    let ending = tokio::spawn(stage.stage.running.stop());
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "relayer is shutting down"));
    let entries = ending.await.unwrap().unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

// rule: R-04
#[tokio::test(flavor = "multi_thread")]
async fn what_is_owed_to_a_caller_that_left_is_recorded() {
    let stage = GrpcStage::new().await;
    let request = stage.call("/test.Own/Late", &[ask("")]).await;
    let answers = stage.stream(only(&request)).await;
    until(async || !stage.node.heads().is_empty()).await;
    drop(answers);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(stage.log().await.is_empty());
    stage.node.go();
    until(async || stage.log().await.len() == 1).await;
    until(async || stage.metric("ha_relayer_relays_in_flight").await == ["ha_relayer_relays_in_flight 0"]).await;
    let entries = stage.stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_upload_is_not_taken_for_a_whole_one() {
    let stage = GrpcStage::with(|config| timeout(config, Duration::from_millis(500))).await;
    let begin = framed(&stage.call(COUNT, &[ask("a")]).await);
    let (breaking, broken) = oneshot::channel::<()>();
    let body = futures::stream::iter([Ok(Frame::data(begin))]).chain(futures::stream::once(async {
        let _ = broken.await;
        Err("the caller breaks off")
    }));
    let request = Request::post(format!("{}/pocket.service.RelayService/StreamRelays", stage.stage.url()))
        .header("content-type", "application/grpc")
        .body(StreamBody::new(body).boxed_unsync())
        .unwrap();
    let http2 = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let answers = http2.request(request).await.unwrap();
    until(async || !stage.node.heads().is_empty()).await;
    breaking.send(()).unwrap();
    until(async || stage.node.ends() == [false]).await;
    assert!(answers.into_body().collect().await.is_err() && stage.log().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_owes_its_answer_in_time_once_all_is_said() {
    let stage = GrpcStage::with(|config| timeout(config, Duration::from_millis(500))).await;
    let request = stage.call("/test.Own/Late", &[ask("")]).await;
    let status = within(stage.stream(only(&request)).await.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "backend error"));
    let (asking, mut answers) = stage.converse().await;
    let request = stage.call(ECHO, &[ask("a")]).await;
    asking.unbounded_send(request.clone()).unwrap();
    let first = within(answers.message()).await.unwrap().unwrap();
    assert_eq!(number(&stage.verified(&request, &first)), 1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let request = stage.call(ECHO, &[ask("bb")]).await;
    asking.unbounded_send(request.clone()).unwrap();
    let second = within(answers.message()).await.unwrap().unwrap();
    assert_eq!(number(&stage.verified(&request, &second)), 2, "silence of the caller hurries nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_leave_room_for_single_relays() {
    let stage = GrpcStage::with(|config| config.limits.in_flight = 4).await;
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut answers = stage.stream(only(&stage.call(WATCH, &[ask("")]).await)).await;
        within(answers.message()).await.unwrap().unwrap();
        open.push(answers);
    }
    let request = stage.call(WATCH, &[ask("")]).await;
    let status = stage.client.clone().stream_relays(only(&request)).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "relayer overloaded"));
    assert!(status.metadata().get("grpc-retry-pushback-ms").is_some());
    stage.send(&stage.check().await).await.unwrap();
    drop(open);
    until(async || stage.metric("ha_relayer_relays_in_flight").await == ["ha_relayer_relays_in_flight 0"]).await;
    stage.stream(only(&request)).await.message().await.unwrap().unwrap();
}
