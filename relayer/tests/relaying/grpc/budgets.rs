use relay_core::config::Period;
use relayer::config::{OnError, PoolConfig};
use testbed::Genesis;
use tonic::Code;

use super::call::{GrpcStage, ask, backend, hash, only};
use super::node::Node;
use crate::budgets::affords;
use crate::stage::{still, within};

const EXHAUSTED: (Code, &str) = (Code::ResourceExhausted, "relay rejected - stake limit exceeded");

async fn stage(genesis: Genesis, policy: OnError) -> GrpcStage {
    let node = Node::start().await;
    let url = format!("grpc://{}", node.address);
    GrpcStage::from(genesis, node, |config| {
        backend(config, PoolConfig::of(url));
        config.budget.on_error = policy;
        config.budget.timeout = Period::from_millis(100);
    })
    .await
}

// rule: G-11, R-14
#[tokio::test(flavor = "multi_thread")]
async fn a_budget_is_the_same_over_grpc() {
    let stage = stage(affords(3), OnError::Closed).await;
    for _ in 0..3 {
        stage.send(&stage.check().await).await.unwrap();
    }
    let status = stage.send(&stage.check().await).await.unwrap_err();
    assert_eq!((status.code(), status.message()), EXHAUSTED);
    assert_eq!((stage.node.heads().len(), stage.log().await.len()), (3, 3));
}

// rule: D-14
#[tokio::test(flavor = "multi_thread")]
async fn forged_relays_and_failing_nodes_cost_nothing_over_grpc() {
    let stage = stage(affords(2), OnError::Closed).await;
    for _ in 0..5 {
        let mut forged = stage.check().await;
        forged.meta.as_mut().unwrap().signature[40] ^= 1;
        assert_eq!(stage.send(&forged).await.unwrap_err().code(), Code::PermissionDenied);
    }
    for _ in 0..3 {
        let failing = stage.call("/test.Own/Fail", &[ask("")]).await;
        assert_eq!(stage.send(&failing).await.unwrap_err().code(), Code::Unavailable);
    }
    for _ in 0..2 {
        stage.send(&stage.check().await).await.unwrap();
    }
    let status = stage.send(&stage.check().await).await.unwrap_err();
    assert_eq!((status.code(), status.message()), EXHAUSTED);
}

// rule: G-08
#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_stream_is_charged_before_it_leaves() {
    let stage = stage(affords(4), OnError::Closed).await;
    let request = stage.call("/test.Own/Flood", &[ask("")]).await;
    let mut answers = stage.stream(only(&request)).await;
    let mut expected = Vec::new();
    for _ in 0..4 {
        expected.push(hash(&request, &within(answers.message()).await.unwrap().unwrap()));
    }
    let status = within(answers.message()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), EXHAUSTED);
    expected.sort_unstable();
    assert_eq!(stage.log().await, expected);
}

// rule: D-20
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_metered_is_refused_or_served_as_configured() {
    let closed = stage(still(), OnError::Closed).await;
    let request = closed.check().await;
    closed.stage.redis.pause().unwrap();
    let status = closed.send(&request).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "relay metering unavailable"));
    assert!(closed.node.heads().is_empty());
    closed.stage.redis.resume().unwrap();

    let open = stage(still(), OnError::Open).await;
    let request = open.check().await;
    open.stage.redis.pause().unwrap();
    let response = open.send(&request).await.unwrap();
    open.verified(&request, &response);
    open.stage.redis.resume().unwrap();
}
