use std::time::{Duration, Instant};

use relay_core::address::{Address, SecretKey};
use relay_core::client::sign_request;
use relay_core::config::Period;
use relay_core::relay::encode_request;
use testbed::proxy::Failure;
use testbed::{Faults, Proxy, Redis};

use super::stage::{Stage, payload, still, within};

const GET_SESSION: &str = "/pocket.session.Query/GetSession";

async fn behind_a_proxy(adjust: impl FnOnce(&mut relayer::Config)) -> (Stage, Proxy) {
    let chain = testbed::Chain::start(still().services(2)).await.unwrap();
    let proxy = Proxy::start(&chain).await.unwrap();
    let stage = Stage::on_chain(chain, Redis::start().await.unwrap(), |config| {
        config.chain.nodes[0].rpc = proxy.rpc();
        config.chain.nodes[0].grpc = proxy.grpc();
        adjust(config);
    })
    .await;
    (stage, proxy)
}

impl Stage {
    /// A relay of an application that does not exist.
    async fn invented(&self, number: u8) -> bytes::Bytes {
        let nobody = SecretKey::from_bytes(&[number.max(1); 32]).unwrap();
        let mut header = self.session().await.header;
        header.application = nobody.address().clone();
        let ring = [*nobody.public_key(), *nobody.public_key()];
        let relay = sign_request(&header, &ring, &self.supplier(), payload(1), &nobody).unwrap();
        encode_request(&relay).into()
    }
}

/// The reference answered 403, as for a forged signature, and some of what it concluded stayed for good.
// rule: D-32, R-09
#[tokio::test(flavor = "multi_thread")]
async fn a_node_in_trouble_proves_nothing_about_a_relay() {
    let (stage, proxy) = behind_a_proxy(|_| {}).await;
    let request = stage.relay(1).await;
    let failure = |code, message: &str| Failure::Grpc { code, message: message.to_owned() };
    for failure in [
        Failure::not_ready(),
        failure(13, "panic: runtime error: index out of range"),
        failure(14, "upstream connect error"),
        Failure::Http(http::StatusCode::BAD_GATEWAY),
    ] {
        proxy.set_grpc(Faults { only: Some(GET_SESSION.to_owned()), ..Faults::failing(failure.clone()) });
        let (status, error) = stage.post(encode_request(&request).into()).await;
        assert!(status == 503 && error.contains("cannot be validated now"), "{failure:?}: {status} {error}");
    }
    assert_eq!(stage.node.requests(), 0);
    proxy.heal();
    stage.send(&request).await.expect("nothing of it was remembered");
}

// rule: D-46
#[tokio::test(flavor = "multi_thread")]
async fn a_question_without_an_answer_is_in_nobody_elses_way() {
    let (stage, proxy) = behind_a_proxy(|_| {}).await;
    stage.send(&stage.relay(1).await).await.unwrap();
    let requests = [stage.relay(2).await, stage.relay(3).await, stage.relay(4).await];
    proxy.set_grpc(Faults { delay: Duration::MAX, ..Faults::default() });
    let stuck = stage.invented(7).await;
    let (client, url) = (stage.client.clone(), stage.url());
    let waiting = tokio::spawn(async move { client.post(&url, stuck).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let since = Instant::now();
    for request in &requests {
        stage.send(request).await.expect("its session is known");
    }
    assert!(since.elapsed() < Duration::from_secs(4), "none of them waits for the chain: {:?}", since.elapsed());
    let (status, _) = within(waiting).await.unwrap().unwrap();
    assert_eq!(status, 503, "the one that nobody knows cannot be judged");
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_sessions_cost_the_chain_little() {
    let (stage, proxy) = behind_a_proxy(|_| {}).await;
    stage.send(&stage.relay(0).await).await.unwrap();
    let invented = stage.invented(3).await;
    let before = proxy.requests(GET_SESSION);
    for _ in 0..30 {
        assert_eq!(stage.post(invented.clone()).await.0, 403);
    }
    let asked = proxy.requests(GET_SESSION) - before;
    assert!((1..=10).contains(&asked), "the same one is asked for now and then: {asked}");

    let (before, since) = (proxy.requests(GET_SESSION), Instant::now());
    let header = stage.session().await.header;
    let mut refusals = [0, 0];
    for number in 0..400_u32 {
        // Any key may sign: the session is looked up first.
        let nobody = SecretKey::from_bytes(&[8; 32]).unwrap();
        let mut payload_of = [1; 20];
        payload_of[..4].copy_from_slice(&number.to_be_bytes());
        let mut header = header.clone();
        header.application = Address::from_payload(&payload_of).unwrap();
        let ring = [*nobody.public_key(), *nobody.public_key()];
        let relay = sign_request(&header, &ring, &stage.supplier(), payload(1), &nobody).unwrap();
        match stage.post(encode_request(&relay).into()).await.0 {
            403 => refusals[0] += 1,
            503 => refusals[1] += 1,
            other => panic!("{other}"),
        }
    }
    let asked = proxy.requests(GET_SESSION) - before;
    let fair = 100 + 20 * (since.elapsed().as_secs() + 1);
    assert!(asked <= fair, "{asked} questions, {refusals:?}");
    assert!(refusals[0] > 0);
    stage.send(&stage.relay(9).await).await.expect("who is known is served");
}

// rule: D-47
#[tokio::test(flavor = "multi_thread")]
async fn the_height_never_goes_back() {
    let (stage, proxy) = behind_a_proxy(|_| {}).await;
    stage.advance(4).await;
    let height = stage.running.status().await["height"].as_i64().unwrap();
    proxy.set(Faults::lagging(3));
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        assert_eq!(stage.running.status().await["height"].as_i64(), Some(height));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    proxy.heal();
    stage.advance(1).await;
}

// rule: G-06
#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_stands_still_raises_the_alarm() {
    let (stage, _proxy) = behind_a_proxy(|config| config.max_block_age = Period::from_secs(10)).await;
    let alarm = |line: &'static str| {
        let stage = &stage;
        async move {
            within(async {
                while !stage.running.get("/metrics").await.1.lines().any(|metric| metric == line) {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            })
            .await;
        }
    };
    alarm("ha_relayer_block_stale 1").await;
    assert_eq!(stage.running.get("/ready").await.0, 503);
    stage.advance(1).await;
    alarm("ha_relayer_block_stale 0").await;
}
