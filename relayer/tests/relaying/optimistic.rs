use std::time::{Duration, Instant};

use relay_core::address::SecretKey;
use relay_core::client::sign_request;
use relay_core::relay::encode_request;
use relayer::Config;
use relayer::config::ValidationMode;
use testbed::{Behaviour, Faults, Proxy, Redis};

use super::budgets::{EXHAUSTED, affords};
use super::stage::{Stage, payload, still, within};

fn optimistic(config: &mut Config) {
    config.validation = ValidationMode::Optimistic;
}

/// The node is asked while the chain is, and its answer waits for the chain's.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_leaves_when_its_relay_is_verified_and_not_before() {
    let chain = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&chain).await.unwrap();
    let stage = Stage::on_chain(chain, Redis::start().await.unwrap(), |config| {
        optimistic(config);
        config.chain.nodes[0].grpc = proxy.grpc();
    })
    .await;
    let request = stage.relay(1).await;
    let only = Some("GetSession".to_owned());
    proxy.set_grpc(Faults { delay: Duration::MAX, only, ..Faults::default() });
    let mut sending = Box::pin(stage.send(&request));
    let asked = async {
        while stage.node.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    tokio::select! {
        _ = &mut sending => panic!("nobody could know that the relay is good"),
        () = within(asked) => {}
    }
    assert!(stage.log().await.is_empty());
    proxy.heal();
    within(&mut sending).await.unwrap();
    drop(sending);
    assert_eq!((stage.log().await.len(), stage.node.requests()), (1, 1));
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_turns_out_to_be_bad_is_neither_answered_nor_recorded_nor_charged() {
    let stage = Stage::with(affords(3), optimistic).await;
    let (session, stranger) = (stage.session().await, SecretKey::from_bytes(&[9; 32]).unwrap());
    stage.node.behave(Behaviour { delay: Duration::from_secs(15), ..Behaviour::default() });
    let ring = [*stranger.public_key(), *stranger.public_key()];
    let forged = sign_request(&session.header, &ring, &stage.supplier(), payload(1), &stranger).unwrap();
    let asked = Instant::now();
    let (status, error) = stage.post(encode_request(&forged).into()).await;
    assert!(status == 403 && error.contains("ring signature verification failed"), "{status} {error}");
    assert!(asked.elapsed() < Duration::from_secs(10), "nobody waits for an answer that will not be used");
    stage.node.behave(Behaviour::default());
    for number in 0..3 {
        stage.send(&stage.relay(number).await).await.expect("the budget is whole");
    }
    let (status, error) = stage.post(encode_request(&stage.relay(9).await).into()).await;
    assert_eq!((status, error.as_str()), EXHAUSTED);
    assert_eq!(stage.log().await.len(), 3);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.unexplained()), (3, 3, 0));
}

// rule: D-14
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_fails_costs_the_application_nothing() {
    let stage = Stage::with(affords(2), optimistic).await;
    stage.node.behave(Behaviour { status: http::StatusCode::INTERNAL_SERVER_ERROR, ..Behaviour::default() });
    for number in 0..4 {
        assert_eq!(stage.post(encode_request(&stage.relay(number).await).into()).await.0, 500);
    }
    stage.node.behave(Behaviour::default());
    for number in 10..12 {
        stage.send(&stage.relay(number).await).await.unwrap();
    }
}

/// In the reference such a relay reached the node and failed only when its answer was to be signed.
// rule: D-44
#[tokio::test(flavor = "multi_thread")]
async fn without_a_suppliers_key_the_node_is_never_asked() {
    let stage = Stage::with(still().suppliers(2), optimistic).await;
    let (session, other) = (stage.session().await, stage.key("supplier2").address().clone());
    let relay = sign_request(&session.header, &session.ring, &other, payload(1), &stage.key("app1")).unwrap();
    let (status, error) = stage.post(encode_request(&relay).into()).await;
    assert!(status == 503 && error.contains("not registered"), "{status} {error}");
    assert_eq!(stage.node.requests(), 0);
}
