use std::time::Duration;

use relay_core::client::sign_request;
use relay_core::relay::{RpcType, encode_request};
use relayer::config::PoolConfig;
use serde_json::{Value, json};
use testbed::Behaviour;

use super::stage::{SERVICE, Stage, payload, still, within};

impl Stage {
    /// A relay that one of the gateways signs.
    async fn relay_of(&self, signer: &str, number: usize) -> bytes::Bytes {
        let session = self.session().await;
        let (app, signer) = (self.key("app1"), self.key(signer));
        let ring = [*app.public_key(), *signer.public_key()];
        let relay = sign_request(&session.header, &ring, &self.supplier(), payload(number), &signer).unwrap();
        encode_request(&relay).into()
    }

    async fn transact(&self, from: &str, message: Value) {
        let block = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            self.advance(1).await;
        };
        let (sent, ()) = tokio::join!(self.chain.send_tx(from, &message), block);
        sent.unwrap().accepted().unwrap();
    }

    async fn next_session(&self) {
        let end = self.session().await.header.end;
        self.advance(u64::try_from(end.0 + 1 - self.chain.height().await.unwrap()).unwrap()).await;
    }
}

/// The reference kept a ring for half an hour, so that a new gateway was refused and one that had left was served.
// rule: R-12
#[tokio::test(flavor = "multi_thread")]
async fn gateways_come_and_go() {
    let stage = Stage::with(still().gateways(2), |_| {}).await;
    let (app, gateway) = (stage.key("app1").address().clone(), stage.key("gateway2").address().clone());
    let message = |what: &str| {
        json!({
            "@type": format!("/pocket.application.Msg{what}Gateway"),
            "app_address": app.as_str(), "gateway_address": gateway.as_str(),
        })
    };
    stage.next_session().await;
    assert_eq!(stage.post(stage.relay_of("gateway2", 1).await).await.0, 200);
    stage.transact("app1", message("UndelegateFrom")).await;
    assert_eq!(stage.post(stage.relay_of("gateway2", 2).await).await.0, 200, "until its session is over");
    stage.next_session().await;
    let (status, error) = stage.post(stage.relay_of("gateway2", 3).await).await;
    assert!(status == 403 && error.contains("nor one of its gateways"), "{status} {error}");
    assert_eq!(stage.post(stage.relay_of("gateway1", 4).await).await.0, 200);

    stage.transact("app1", message("DelegateTo")).await;
    let mut number = 10;
    within(async {
        // Strangers make it be asked for anew, though not all the time.
        while stage.post(stage.relay_of("gateway2", number).await).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            number += 1;
        }
    })
    .await;
    assert!(number < 60, "long before the ring is old");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_rings_are_verified_as_well() {
    let stage = Stage::new().await;
    let (session, app, gateway) = (stage.session().await, stage.key("app1"), stage.key("gateway1"));
    let ring = [*app.public_key(), *gateway.public_key()].repeat(8);
    for number in 0..4 {
        let relay = sign_request(&session.header, &ring, &stage.supplier(), payload(number), &app).unwrap();
        stage.send(&relay).await.unwrap();
        let mut forged = relay;
        forged.payload = payload(100 + number);
        let (status, error) = stage.post(encode_request(&forged).into()).await;
        assert!(status == 403 && error.contains("does not fit"), "{status} {error}");
    }
}

/// Each relay is judged by the height at which it came, whatever comes meanwhile.
// rule: D-30
#[tokio::test(flavor = "multi_thread")]
async fn heights_of_relays_do_not_mix() {
    let stage = Stage::new().await;
    stage.next_session().await;
    let end = stage.session().await.header.end;
    stage.advance(u64::try_from(end.0 - stage.chain.height().await.unwrap()).unwrap()).await;
    let (slow, late, later) = (stage.relay(1).await, stage.relay(2).await, stage.relay(3).await);
    stage.node.behave(Behaviour { delay: Duration::from_millis(1200), ..Behaviour::default() });
    let meanwhile = async {
        while stage.node.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage.advance(2).await;
        stage.post(encode_request(&late).into()).await
    };
    let (answered, refused) = within(async { tokio::join!(stage.send(&slow), meanwhile) }).await;
    answered.expect("it came in time");
    assert!(refused.0 == 403 && refused.1.contains("grace period elapsed"), "{refused:?}");
    let refused = stage.post(encode_request(&later).into()).await;
    assert!(
        refused.0 == 403 && refused.1.contains("grace period elapsed"),
        "the slow one has not turned time back: {refused:?}"
    );
    assert_eq!(stage.log().await[0].arrival, end);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_was_not_declared_is_served_and_counted() {
    let stage = Stage::with(still(), |config| {
        let service = config.services.get_mut(&SERVICE.into()).unwrap();
        let url = service.backends[&RpcType::JsonRpc].url.clone().unwrap();
        service.backends = [(RpcType::CometBft, PoolConfig::of(url))].into();
    })
    .await;
    for number in 0..3 {
        stage.send(&stage.relay(number).await).await.unwrap();
    }
    let metrics = stage.running.get("/metrics").await.1;
    let expected =
        format!(r#"ha_relayer_undeclared_transport_served_total{{service_id="{SERVICE}",rpc_type="cometbft"}} 3"#);
    assert!(metrics.contains(&expected), "{metrics}");
    let declared = Stage::new().await;
    declared.send(&declared.relay(1).await).await.unwrap();
    assert!(!declared.running.get("/metrics").await.1.contains("undeclared_transport_served_total{"));
}

/// A relayer that has just started knows suppliers from nothing but the chain's session and its own keys.
// rule: R-08
#[tokio::test(flavor = "multi_thread")]
async fn no_registry_has_to_be_filled_before_relays_are_served() {
    let stage = Stage::new().await;
    let supplier = stage.store.keys().supplier(&stage.supplier());
    let fresh = stage.another(|_| {}).await;
    stage.client.send(&fresh.url(), &stage.relay(1).await, stage.key("supplier1").public_key()).await.unwrap();
    assert_eq!(stage.ask_redis(&format!("EXISTS {supplier}")).await, "0");
}
