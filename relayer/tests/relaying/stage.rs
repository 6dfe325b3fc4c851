use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use relay_core::address::{Address, SecretKey};
use relay_core::chain::{Chain, ChainConfig, NodeConfig};
use relay_core::client::{ClientError, OpenSession, RelayClient, VerifiedAnswer, json_rpc_payload, sign_request};
use relay_core::config::{ChainSection, KeysSection, Period, RedisSection};
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::store::{ChainIdentity, LogEntry, Store, StoreConfig};
use relay_core::telemetry::LogConfig;
use relayer::config::{
    BudgetConfig, CompressionConfig, DrainConfig, LimitsConfig, RecordingConfig, ServiceConfig, ValidationMode,
    WebSocketConfig,
};
use relayer::{Config, Entries, Relayer, RelayerError};
use testbed::{Backend, Genesis, Redis};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const PREFIX: &str = "test";
pub(crate) const SERVICE: &str = "svc1";

/// Everything around a relayer, and the relayer.
pub(crate) struct Stage {
    pub(crate) chain: testbed::Chain,
    pub(crate) view: Chain,
    pub(crate) redis: Redis,
    pub(crate) node: Backend,
    pub(crate) client: RelayClient,
    pub(crate) store: Store,
    pub(crate) keys: tempfile::TempDir,
    pub(crate) running: Running,
}

/// A relayer that serves, inside of this process.
pub(crate) struct Running {
    pub(crate) relays: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) task: JoinHandle<Result<Entries, RelayerError>>,
}

/// A chain that makes blocks only when it is told to.
pub(crate) fn still() -> Genesis {
    Genesis::new().block_time(Duration::from_hours(1))
}

impl Stage {
    pub(crate) async fn with(genesis: Genesis, adjust: impl FnOnce(&mut Config)) -> Self {
        let redis = Redis::start().await.unwrap();
        Self::on(redis, genesis, adjust).await
    }

    pub(crate) async fn on(redis: Redis, genesis: Genesis, adjust: impl FnOnce(&mut Config)) -> Self {
        Self::on_chain(testbed::Chain::start(genesis).await.unwrap(), redis, adjust).await
    }

    pub(crate) async fn on_chain(chain: testbed::Chain, redis: Redis, adjust: impl FnOnce(&mut Config)) -> Self {
        let node = Backend::start().await.unwrap();
        let nodes = vec![NodeConfig { name: "own".to_owned(), rpc: chain.rpc().to_owned(), grpc: chain.grpc() }];
        let view = Chain::new(&ChainConfig::new(nodes.clone())).unwrap();
        let keys = tempfile::tempdir().unwrap();
        let key = key(&chain, "supplier1");
        std::fs::write(keys.path().join(key.address().as_str()), &chain.account("supplier1").unwrap().private_key)
            .unwrap();
        let mut config = config(nodes, &redis, &node, &keys);
        adjust(&mut config);
        let running = Running::start(config).await;
        let identity = view.identity().await.unwrap();
        let whose = ChainIdentity::from(&identity);
        let store_config = StoreConfig { url: redis.url(), prefix: PREFIX.to_owned(), ..StoreConfig::default() };
        let store = Store::open(store_config, whose).await.unwrap();
        let client = RelayClient::new(false).unwrap();
        let stage = Self { chain, view, redis, node, client, store, keys, running };
        stage.until_ready().await;
        stage
    }

    pub(crate) async fn new() -> Self {
        Self::with(still(), |_| {}).await
    }

    /// Another relayer for the same pool, serving.
    pub(crate) async fn another(&self, adjust: impl FnOnce(&mut Config)) -> Running {
        let running = self.start_another(adjust).await;
        running.until_ready().await;
        running
    }

    /// Another relayer for the same pool, whether it can serve yet or not.
    pub(crate) async fn start_another(&self, adjust: impl FnOnce(&mut Config)) -> Running {
        let mut config = self.config();
        adjust(&mut config);
        Running::start(config).await
    }

    /// What the relayer was configured with, before adjustments.
    pub(crate) fn config(&self) -> Config {
        let nodes =
            vec![NodeConfig { name: "own".to_owned(), rpc: self.chain.rpc().to_owned(), grpc: self.chain.grpc() }];
        config(nodes, &self.redis, &self.node, &self.keys)
    }

    pub(crate) async fn until_ready(&self) {
        self.running.until_ready().await;
    }

    pub(crate) fn key(&self, name: &str) -> SecretKey {
        key(&self.chain, name)
    }

    pub(crate) fn supplier(&self) -> Address {
        self.key("supplier1").address().clone()
    }

    pub(crate) async fn session(&self) -> OpenSession {
        let application = self.key("app1").address().clone();
        OpenSession::fetch(&self.view, &application, &SERVICE.into()).await.unwrap()
    }

    /// A good relay for the session of now.
    pub(crate) async fn relay(&self, number: usize) -> RelayRequest {
        let session = self.session().await;
        sign_request(&session.header, &session.ring, &self.supplier(), payload(number), &self.key("app1")).unwrap()
    }

    pub(crate) fn url(&self) -> String {
        self.running.url()
    }

    pub(crate) async fn send(&self, request: &RelayRequest) -> Result<VerifiedAnswer, ClientError> {
        self.client.send(&self.url(), request, self.key("supplier1").public_key()).await
    }

    /// Sends bytes and gives the status and the `error` text.
    pub(crate) async fn post(&self, body: Bytes) -> (u16, String) {
        let (status, body) = self.client.post(&self.url(), body).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        (status.as_u16(), json["error"].as_str().unwrap_or_default().to_owned())
    }

    /// Everything in the logs of the supplier.
    pub(crate) async fn log(&self) -> Vec<LogEntry> {
        let supplier = self.supplier();
        let heads = self.store.poll(std::slice::from_ref(&supplier)).await.unwrap();
        let mut entries = Vec::new();
        for session in &heads[0].sessions {
            entries.extend(self.store.read_log(&supplier, &session.header.id, None, 100_000).await.unwrap());
        }
        entries
    }

    /// Advances the chain and waits until the relayer has seen it.
    pub(crate) async fn advance(&self, blocks: u64) {
        let height = self.chain.advance(blocks).await.unwrap();
        within(async {
            while self.running.status().await["height"].as_i64() != Some(height) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }
}

impl Running {
    pub(crate) async fn start(config: Config) -> Self {
        Self::of(Relayer::bind(config, None).await.unwrap())
    }

    pub(crate) fn of(relayer: Relayer) -> Self {
        let (relays, admin) = (relayer.relay_address().unwrap(), relayer.admin_address().unwrap());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(relayer.serve(shutdown.clone()));
        Self { relays, admin, shutdown, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.relays)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        get(self.admin, path).await
    }

    pub(crate) async fn status(&self) -> serde_json::Value {
        serde_json::from_str(&self.get("/status").await.1).unwrap()
    }

    /// One column of the books.
    pub(crate) async fn books(&self, column: &str) -> u64 {
        self.status().await["books"][column].as_u64().unwrap()
    }

    pub(crate) async fn until_ready(&self) {
        within(async {
            while self.get("/ready").await.0 != 200 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    /// Shuts down and gives the books.
    pub(crate) async fn stop(self) -> Result<Entries, RelayerError> {
        self.shutdown.cancel();
        within(self.task).await.unwrap()
    }
}

pub(crate) fn key(chain: &testbed::Chain, name: &str) -> SecretKey {
    SecretKey::from_hex(&chain.account(name).unwrap().private_key).unwrap()
}

pub(crate) fn payload(number: usize) -> Bytes {
    json_rpc_payload(format!(r#"{{"jsonrpc":"2.0","id":{number},"method":"eth_blockNumber","params":[]}}"#).into())
}

/// A `GET` whose status and body are all that matters.
pub(crate) async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub(crate) async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_mins(1), what).await.expect("took too long")
}

fn config(nodes: Vec<NodeConfig>, redis: &Redis, node: &Backend, keys: &tempfile::TempDir) -> Config {
    let service = ServiceConfig::json_rpc(node.url(), Period::from_secs(20));
    Config {
        name: "under-test".to_owned(),
        listen: "127.0.0.1:0".to_owned(),
        tls: None,
        admin: "127.0.0.1:0".to_owned(),
        logs: LogConfig::default(),
        chain: ChainSection { id: None, nodes, query_timeout: Period::from_secs(5) },
        redis: RedisSection::new(redis.url(), PREFIX.to_owned()),
        keys: KeysSection { directory: Some(keys.path().to_owned()), ..KeysSection::default() },
        services: BTreeMap::from([(SERVICE.into(), service)]),
        validation: ValidationMode::Eager,
        limits: LimitsConfig::default(),
        response_compression: CompressionConfig::default(),
        websocket: WebSocketConfig::default(),
        recording: RecordingConfig::default(),
        budget: BudgetConfig::default(),
        simulation: relayer::config::SimulationConfig::default(),
        drain: DrainConfig { delay: Period::from_millis(0), deadline: Period::from_secs(30) },
        max_block_age: Period::from_secs(300),
    }
}
