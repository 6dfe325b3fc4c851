use relay_core::relay::encode_request;
use testbed::Proxy;

use super::stage::{Stage, still, within};

// rule: D-29
#[tokio::test(flavor = "multi_thread")]
async fn relays_are_taken_through_the_grace_period_and_not_longer() {
    let stage = Stage::new().await;
    let session = stage.session().await.header;
    let (first, second, third) = (stage.relay(1).await, stage.relay(2).await, stage.relay(3).await);
    stage.send(&first).await.unwrap();
    let left = session.end.0 - stage.chain.height().await.unwrap();
    stage.advance(u64::try_from(left + 1).unwrap()).await;
    stage.send(&second).await.expect("one block of grace");
    stage.advance(1).await;
    let (status, error) = stage.post(encode_request(&third).into()).await;
    assert!(status == 403 && error.contains("grace period elapsed"), "{status} {error}");
    assert_eq!(stage.log().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_held_open_in_redis_until_no_more_can_come() {
    let stage = Stage::new().await;
    let (session, supplier) = (stage.session().await.header, stage.supplier());
    stage.send(&stage.relay(1).await).await.unwrap();
    let pending = stage.store.pending(&supplier).await.unwrap();
    assert_eq!(pending.iter().map(|mark| mark.lowest_session_end).collect::<Vec<_>>(), [session.end]);

    stage.advance(u64::try_from(session.end.0 + 2 - stage.chain.height().await.unwrap()).unwrap()).await;
    super::stage::within(async {
        while !stage.store.pending(&supplier).await.unwrap().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await;
}

// rule: D-29
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_session_is_answered_and_counted_as_late() {
    let stage = Stage::new().await;
    let (session, supplier) = (stage.session().await.header, stage.supplier());
    stage.send(&stage.relay(1).await).await.unwrap();
    let miner = relay_core::store::InstanceId::random();
    let relay_core::store::Acquisition::Acquired(lease) = stage.store.acquire(&supplier, &miner).await.unwrap() else {
        panic!("nobody else holds it");
    };
    assert!(stage.store.close(&lease.fence, &supplier, &session.id).await.unwrap());
    stage.send(&stage.relay(2).await).await.unwrap();
    assert_eq!(stage.log().await.len(), 1);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended, entries.late, entries.unexplained()), (2, 1, 1, 0));
}

// rule: D-33
#[tokio::test(flavor = "multi_thread")]
async fn a_known_session_is_served_while_no_node_answers() {
    let chain = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&chain).await.unwrap();
    let stage = Stage::on_chain(chain, testbed::Redis::start().await.unwrap(), |config| {
        config.chain.nodes[0].rpc = proxy.rpc();
        config.chain.nodes[0].grpc = proxy.grpc();
    })
    .await;
    stage.send(&stage.relay(1).await).await.unwrap();
    proxy.set(testbed::Faults { cut: true, ..testbed::Faults::default() });
    stage.send(&stage.relay(2).await).await.unwrap();
    assert_eq!(stage.log().await.len(), 2);
}

// rule: D-32
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_looked_up_is_not_called_invalid() {
    let chain = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&chain).await.unwrap();
    let stage = Stage::on_chain(chain, testbed::Redis::start().await.unwrap(), |config| {
        config.chain.nodes[0].rpc = proxy.rpc();
        config.chain.nodes[0].grpc = proxy.grpc();
    })
    .await;
    let relay = stage.relay(1).await;
    proxy.set(testbed::Faults { cut: true, ..testbed::Faults::default() });
    let (status, error) = stage.post(encode_request(&relay).into()).await;
    assert!(status == 503 && error.contains("cannot be validated now"), "{status} {error}");
    proxy.heal();
    within(async {
        while stage.send(&relay).await.is_err() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    })
    .await;
    assert_eq!(stage.log().await.len(), 1);
}
