//! What surrounds a miner: a real chain, a real Redis, and relays as a relayer would append them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use miner::Config;
use relay_core::address::{Address, SecretKey};
use relay_core::chain::{Chain as Node, ChainConfig, NodeConfig};
use relay_core::client::{OpenSession, json_rpc_payload, sign_request};
use relay_core::relay::{MinedRelay, sign_response};
use relay_core::store::{Append, AppendOutcome, ChainIdentity, Store, StoreConfig};
use serde_json::{Value, json};
use testbed::{Chain, Genesis, Redis};

/// One chain, one Redis, and the keys of one supplier.
pub(crate) struct Scene {
    pub(crate) chain: Chain,
    pub(crate) redis: Redis,
    /// The client that the test asks with.
    pub(crate) node: Node,
    pub(crate) keys: tempfile::TempDir,
}

impl Scene {
    pub(crate) async fn new(genesis: Genesis) -> Self {
        Self::on(Chain::start(genesis).await.unwrap()).await
    }

    pub(crate) async fn on(chain: Chain) -> Self {
        let redis = Redis::start_with(&[("appendfsync", "always")]).await.unwrap();
        let node = Node::new(&ChainConfig::new(nodes(&chain))).unwrap();
        let keys = tempfile::tempdir().unwrap();
        let supplier = chain.account("supplier1").unwrap();
        std::fs::write(keys.path().join("supplier1"), &supplier.private_key).unwrap();
        Self { chain, redis, node, keys }
    }

    pub(crate) fn config(&self) -> Config {
        let config = json!({
            "name": "miner-0",
            "admin": "127.0.0.1:0",
            "chain": {"id": "pocket", "nodes": nodes(&self.chain)},
            "redis": {"url": self.redis.url(), "prefix": "test"},
            "keys": {"directory": self.keys.path()},
            "leases": {"ttl": "3s", "renew": "500ms"},
        });
        serde_json::from_value(config).unwrap()
    }

    pub(crate) async fn store(&self) -> Store {
        let identity = self.node.identity().await.unwrap();
        let chain = ChainIdentity::from(&identity);
        let config = StoreConfig { url: self.redis.url(), prefix: "test".to_owned(), ..StoreConfig::default() };
        Store::open(config, chain).await.unwrap()
    }

    /// The session that `app1` is in now.
    pub(crate) async fn session(&self) -> OpenSession {
        self.session_of(1).await
    }

    /// The session that one of several applications, each with its own service, is in now.
    async fn session_of(&self, app: usize) -> OpenSession {
        let application = self.chain.account(&format!("app{app}")).unwrap().address.parse().unwrap();
        let service = format!("svc{app}").as_str().into();
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            match OpenSession::fetch(&self.node, &application, &service).await {
                Ok(session) => return session,
                // A node knows of a block a moment before it can be asked about it.
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A relay of this session that `supplier1` served, different from all others.
    pub(crate) fn relay(&self, session: &OpenSession, number: usize) -> Append {
        let gateway = SecretKey::from_hex(&self.chain.account("gateway1").unwrap().private_key).unwrap();
        let supplier = SecretKey::from_hex(&self.chain.account("supplier1").unwrap().private_key).unwrap();
        let payload = json_rpc_payload(format!(r#"{{"id":{number}}}"#).into());
        let request = sign_request(&session.header, &session.ring, supplier.address(), payload, &gateway).unwrap();
        let response = sign_response(&session.header, Bytes::from_static(b"answer"), &supplier).unwrap();
        let relay = MinedRelay::new(&request, &response).bytes;
        Append { session: session.header.clone(), relay, arrival: session.header.start, earlier: None }
    }

    /// The operator address of `supplier1`.
    pub(crate) fn supplier(&self) -> Address {
        self.chain.account("supplier1").unwrap().address.parse().unwrap()
    }

    /// Appends relays of the present session, as a relayer would.
    pub(crate) async fn serve(&self, store: &Store, count: usize) -> OpenSession {
        self.serve_app(store, 1, count).await
    }

    /// The same for one of several applications, each with its own service.
    pub(crate) async fn serve_app(&self, store: &Store, app: usize, count: usize) -> OpenSession {
        let session = self.session_of(app).await;
        self.append(store, &session, count).await;
        session
    }

    /// Appends relays of any session, real or not.
    pub(crate) async fn append(&self, store: &Store, session: &OpenSession, count: usize) {
        let relays: Vec<Append> = (0..count).map(|number| self.relay(session, number)).collect();
        store.append(&self.supplier(), &relays).await.unwrap();
    }

    /// Appends relays of any supplier, each by its number.
    pub(crate) async fn append_for(
        &self,
        store: &Store,
        supplier: &str,
        session: &OpenSession,
        numbers: std::ops::Range<usize>,
    ) -> Vec<AppendOutcome> {
        let relays = self.relays(supplier, session, numbers);
        let supplier = self.chain.account(supplier).unwrap().address.parse().unwrap();
        store.append(&supplier, &relays).await.unwrap().outcomes
    }

    /// Relays as a relayer holds them. Each is signed anew: only the same value is the same relay.
    pub(crate) fn relays(&self, supplier: &str, session: &OpenSession, numbers: std::ops::Range<usize>) -> Vec<Append> {
        let gateway = SecretKey::from_hex(&self.chain.account("gateway1").unwrap().private_key).unwrap();
        let supplier = SecretKey::from_hex(&self.chain.account(supplier).unwrap().private_key).unwrap();
        numbers
            .map(|n| {
                let payload = json_rpc_payload(format!(r#"{{"id":{n}}}"#).into());
                let request =
                    sign_request(&session.header, &session.ring, supplier.address(), payload, &gateway).unwrap();
                let response = sign_response(&session.header, Bytes::from_static(b"answer"), &supplier).unwrap();
                let relay = MinedRelay::new(&request, &response).bytes;
                Append { session: session.header.clone(), relay, arrival: session.header.start, earlier: None }
            })
            .collect()
    }

    /// The record of a session that has ended.
    pub(crate) async fn ended(&self, store: &Store, session: &OpenSession) -> Value {
        self.ended_for(store, "supplier1", session).await
    }

    /// The same for any supplier. A Redis that is away meanwhile is asked again.
    pub(crate) async fn ended_for(&self, store: &Store, supplier: &str, session: &OpenSession) -> Value {
        let supplier = self.chain.account(supplier).unwrap().address.parse().unwrap();
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            let ended: Vec<(_, Value)> = store.ended(&supplier, 50).await.unwrap_or_default();
            if let Some((_, record)) = ended.into_iter().find(|(id, _)| *id == session.header.id) {
                return record;
            }
            assert!(Instant::now() < deadline, "the session did not end");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The fate of a session, as its record tells it.
    pub(crate) async fn ending(&self, store: &Store, session: &OpenSession) -> Value {
        self.ended(store, session).await["ending"].clone()
    }
}

fn nodes(chain: &Chain) -> Vec<NodeConfig> {
    vec![NodeConfig { name: "chain".into(), rpc: chain.rpc().into(), grpc: chain.grpc() }]
}

/// Sessions of three seconds with windows of twelve blocks.
pub(crate) fn genesis() -> Genesis {
    Genesis::new().block_time(Duration::from_millis(300)).param(
        "shared",
        json!({
            "num_blocks_per_session": 10, "claim_window_close_offset_blocks": 12,
            "proof_window_close_offset_blocks": 12, "supplier_unbonding_period_sessions": 4,
            "application_unbonding_period_sessions": 4, "gateway_unbonding_period_sessions": 4,
        }),
    )
}
