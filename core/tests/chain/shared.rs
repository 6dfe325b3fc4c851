//! Several processes of a pool, one question to the chain.

use std::sync::Arc;
use std::time::Duration;

use relay_core::chain::{BlockFeed, Chain, ChainConfig, FeedConfig};
use relay_core::leader::follow;
use relay_core::store::{ChainIdentity, InstanceId, Refreshed, Store, StoreConfig};
use relay_core::units::Height;
use serde_json::json;
use testbed::{Faults, Proxy, Redis};
use tokio_util::sync::CancellationToken;

use super::surroundings::{address, node, still};

const SOON: Duration = Duration::from_mins(1);
const SESSION: &str = "/pocket.session.Query/GetSession";
const APPLICATION: &str = "/pocket.application.Query/Application";

struct Pool {
    chain: testbed::Chain,
    proxy: Proxy,
    redis: Redis,
}

impl Pool {
    async fn start() -> Self {
        let chain = testbed::Chain::start(still()).await.unwrap();
        let proxy = Proxy::start(&chain).await.unwrap();
        Self { chain, proxy, redis: Redis::start().await.unwrap() }
    }

    /// A process of its own: own connections, own memory.
    async fn member(&self, ttl: Duration) -> (Chain, Store) {
        let mut config = ChainConfig::new(vec![node("proxied", &self.proxy.rpc(), &self.proxy.grpc())]);
        config.live_ttl = ttl;
        let chain = Chain::new(&config).unwrap();
        let config = StoreConfig { url: self.redis.url(), prefix: "pool".into(), ..StoreConfig::default() };
        let identity = ChainIdentity { chain_id: "pocket".into(), genesis_hash: "00".into() };
        let store = Store::open(config, identity).await.unwrap();
        chain.share(Arc::new(store.clone()));
        (chain, store)
    }

    fn asked(&self, path: &str) -> u64 {
        self.proxy.requests(path)
    }
}

// rule: W-11
#[tokio::test(flavor = "multi_thread")]
async fn many_that_ask_the_same_at_once_cost_the_chain_one_question() {
    let pool = Pool::start().await;
    let (application, service) = (address(&pool.chain, "app1"), "svc1".into());
    // Long enough that all of them come while the first waits for its answer.
    pool.proxy.set_grpc(Faults { delay: Duration::from_millis(300), ..Faults::default() });
    let mut members = Vec::new();
    for _ in 0..8 {
        members.push(pool.member(SOON).await);
    }
    let questions = members.iter().map(|(chain, _)| async {
        let session = chain.session_at(&application, &service, Height(1)).await.unwrap();
        let staked = chain.application(&application).await.unwrap();
        let (params, target) =
            (chain.params_at(Height(1)).await.unwrap(), chain.difficulty_at(&service, Height(1)).await.unwrap());
        let account = chain.account(&application).await.unwrap();
        (session, staked, params, target, account)
    });
    let answers = futures::future::join_all(questions).await;
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "all have the same answer");
    let all = [
        SESSION,
        APPLICATION,
        "/pocket.shared.Query/ParamsAtHeight",
        "/pocket.service.Query/RelayMiningDifficultyAtHeight",
        "/cosmos.auth.v1beta1.Query/Account",
    ];
    for path in all {
        assert_eq!(pool.asked(path), 1, "{path}");
    }
    // A process that starts later asks for nothing.
    let (late, _) = pool.member(SOON).await;
    late.session_at(&application, &service, Height(1)).await.unwrap();
    late.application(&application).await.unwrap();
    assert_eq!((pool.asked(SESSION), pool.asked(APPLICATION)), (1, 1));
}

// rule: W-12
#[tokio::test(flavor = "multi_thread")]
async fn what_one_learned_serves_another_while_the_node_is_away_and_redis_away_costs_only_questions() {
    let mut pool = Pool::start().await;
    let application = address(&pool.chain, "app1");
    let (first, _) = pool.member(Duration::ZERO).await;
    let known = first.application(&application).await.unwrap();
    pool.proxy.set(Faults { cut: true, ..Faults::default() });
    let (second, _) = pool.member(Duration::ZERO).await;
    assert_eq!(second.application(&application).await.unwrap(), known, "stale, and better than nothing");
    assert!(second.supplier(&address(&pool.chain, "supplier1")).await.is_err(), "nothing is made up");

    pool.proxy.heal();
    pool.redis.kill().await.unwrap();
    for _ in 0..5 {
        second.application(&application).await.unwrap();
    }
    second.supplier(&address(&pool.chain, "supplier1")).await.unwrap();
}

// rule: H-14, I-16, C-24, H-34
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_goes_past_all_caches_and_tells_those_who_listen() {
    let pool = Pool::start().await;
    let (leader, store) = pool.member(SOON).await;
    let (reader, heard) = pool.member(SOON).await;
    let (deaf, _) = pool.member(Duration::from_secs(2)).await;
    let stop = CancellationToken::new();
    let feed = BlockFeed::start(reader.clone(), FeedConfig::default(), stop.clone());
    tokio::spawn(follow(heard, reader.clone(), feed, || false, stop.clone()));
    let before = leader.proof_params().await.unwrap();
    assert_eq!(reader.proof_params().await.unwrap(), before);
    assert_eq!(deaf.proof_params().await.unwrap(), before);
    assert!(store.cached_names().await.unwrap().contains(&"proof_params:".to_owned()), "what is in use is known");

    let block = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        pool.chain.advance(1).await.unwrap();
    };
    let (changed, ()) = tokio::join!(pool.chain.set_params("proof", json!({"proof_missing_penalty": "7upokt"})), block);
    changed.unwrap();
    assert_eq!(leader.proof_params().await.unwrap(), before, "a cache is a cache");
    let token = store.acquire_leader(&InstanceId::random(), 1, SOON).await.unwrap().1.to_string();
    // The listener has subscribed once it was told of something.
    let deadline = tokio::time::Instant::now() + SOON;
    let renewed = leader.renewed("proof_params:").await.unwrap().unwrap();
    assert_eq!(store.put_cached(&token, "proof_params:", &renewed).await.unwrap(), Refreshed::Changed);
    assert_eq!(
        store.put_cached(&token, "proof_params:", &renewed).await.unwrap(),
        Refreshed::Same,
        "no message without a change"
    );
    let after = leader.proof_params().await.unwrap();
    assert_ne!(after, before);
    for (chain, who) in [(&reader, "told"), (&deaf, "by age")] {
        while chain.proof_params().await.unwrap() != after {
            assert!(tokio::time::Instant::now() < deadline, "{who}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let old = relay_core::chain::Renewed { height: Height(1), ..renewed };
    assert_eq!(store.put_cached(&token, "proof_params:", &old).await.unwrap(), Refreshed::Older);
    stop.cancel();
}

// rule: C-15, H-27
#[tokio::test(flavor = "multi_thread")]
async fn errors_and_absences_are_shared_with_nobody() {
    let pool = Pool::start().await;
    let (one, store) = pool.member(SOON).await;
    let nobody = relay_core::address::Address::from_payload(&[9; 20]).unwrap();
    let application = address(&pool.chain, "app1");
    pool.proxy.set_grpc(Faults::failing(testbed::proxy::Failure::not_ready()));
    assert!(one.application(&application).await.unwrap_err().is_transient());
    pool.proxy.heal();
    assert!(one.application(&nobody).await.is_err());
    let (two, _) = pool.member(SOON).await;
    let before = pool.asked(APPLICATION);
    assert!(two.application(&nobody).await.is_err());
    two.application(&application).await.unwrap();
    assert_eq!(pool.asked(APPLICATION), before + 2, "each asked for itself");
    let token = store.acquire_leader(&InstanceId::random(), 1, SOON).await.unwrap().1.to_string();
    assert!(!store.drop_cached(&token, &format!("application:{nobody}")).await.unwrap(), "nothing was there");
    assert!(store.drop_cached(&token, &format!("application:{application}")).await.unwrap());
}
