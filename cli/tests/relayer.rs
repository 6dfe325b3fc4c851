//! One relayer by itself, and the signals it gets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use program::command;
use serde_json::{Value, json};
use testbed::{Backend, Behaviour, Chain, Genesis, Redis, free_address};

const LIMIT: Duration = Duration::from_mins(1);

struct Scene {
    chain: Chain,
    backend: Backend,
    config: Value,
    path: PathBuf,
    relays: SocketAddr,
    admin: SocketAddr,
    _redis: Redis,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn start() -> Self {
        let chain = Chain::start(Genesis::new().block_time(Duration::from_secs(1))).await.unwrap();
        let (redis, backend) = (Redis::start().await.unwrap(), Backend::start().await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        std::fs::create_dir(&keys).unwrap();
        let supplier = chain.account("supplier1").unwrap();
        std::fs::write(keys.join(&supplier.address), &supplier.private_key).unwrap();
        let (relays, admin) = (free_address().unwrap(), free_address().unwrap());
        let config = json!({
            "listen": relays.to_string(),
            "admin": admin.to_string(),
            "chain": {"nodes": [{"name": "own", "rpc": chain.rpc(), "grpc": chain.grpc()}]},
            "redis": {"url": redis.url(), "prefix": "test"},
            "keys": {"directory": keys},
            "services": {"svc1": {"backends": {"jsonrpc": {"url": backend.url()}}}},
        });
        let path = folder.path().join("relayer.yaml");
        let scene = Self { chain, backend, config, path, relays, admin, _redis: redis, _folder: folder };
        scene.write();
        scene
    }

    fn write(&self) {
        std::fs::write(&self.path, self.config.to_string()).unwrap();
    }

    fn relayer(&self) -> Child {
        let arguments = ["relayer", "--config", self.path.to_str().unwrap()];
        // Into a file: nobody reads while it runs.
        let log = std::fs::File::create(self.log()).unwrap();
        command(&arguments).stdin(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn log(&self) -> PathBuf {
        self.path.with_extension("log")
    }

    /// Sends one relay, in a process of its own.
    fn relay(&self) -> Child {
        let (relayer, application) = (format!("http://{}", self.relays), self.chain.account("app1").unwrap());
        let grpc = self.chain.grpc();
        let mut arguments = vec!["relay", "jsonrpc", "--relayer", &relayer, "--application", &application.address];
        arguments.extend(["--application-key", &application.private_key, "--service", "svc1"]);
        arguments.extend(["--rpc", self.chain.rpc(), "--grpc", &grpc, "-n", "1"]);
        command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A `GET` on the administration port; status 0 while nobody answers.
    fn get(&self, path: &str) -> (u16, String) {
        let Ok(mut stream) = TcpStream::connect(self.admin) else { return (0, String::new()) };
        let mut reply = String::new();
        let asked = write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        if asked.is_err() || stream.read_to_string(&mut reply).is_err() {
            return (0, String::new());
        }
        let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
        (status, reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
    }
}

/// Polls without holding up the backend, which runs beside us.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn signal(process: &Child, signal: &str) {
    let status = std::process::Command::new("kill").args([signal, &process.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// The exit code, and what was written to standard error.
async fn ended(scene: &Scene, mut process: Child) -> (Option<i32>, String) {
    let mut code = None;
    until("the end", || {
        let status = process.try_wait().unwrap();
        code = status.and_then(|status| status.code());
        status.is_some()
    })
    .await;
    (code, std::fs::read_to_string(scene.log()).unwrap())
}

// rule: D-07
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once_and_says_what_is_lost() {
    let scene = Scene::start().await;
    scene.backend.behave(Behaviour { delay: Duration::from_mins(10), ..Behaviour::default() });
    let relayer = scene.relayer();
    until("ready", || scene.get("/ready").0 == 200).await;
    let mut relay = scene.relay();
    until("the node to be asked", || scene.backend.requests() == 1).await;
    signal(&relayer, "-TERM");
    until("the drain", || scene.get("/ready").1.contains("shutting down")).await;
    signal(&relayer, "-TERM");
    let (code, said) = ended(&scene, relayer).await;
    assert_eq!(code, Some(130), "{said}");
    let words = "told twice to end: ending at once; 0 answered relays are lost unrecorded, 1 in progress get no answer";
    assert!(said.contains(words), "{said}");
    relay.kill().unwrap();
    relay.wait().unwrap();
}

// rule: D-07, G-01
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_makes_it_read_its_file_and_goes_on_and_a_first_signal_drains() {
    let mut scene = Scene::start().await;
    let relayer = scene.relayer();
    until("ready", || scene.get("/ready").0 == 200).await;
    let before: Value = serde_json::from_str(&scene.get("/status").1).unwrap();
    scene.config["logs"] = json!({"level": "debug"});
    scene.config["services"]["svc2"] = scene.config["services"]["svc1"].clone();
    scene.write();
    signal(&relayer, "-HUP");
    until("the change", || {
        let status: Value = serde_json::from_str(&scene.get("/status").1).unwrap_or_default();
        status["services"].as_array().is_some_and(|services| services.len() == 2)
            && status["configHash"] != before["configHash"]
    })
    .await;
    assert!(scene.get("/log-level").1.contains("debug"), "{:?}", scene.get("/log-level"));
    let mut relay = scene.relay();
    until("the relay", || relay.try_wait().unwrap().is_some()).await;
    assert!(relay.wait().unwrap().success());
    signal(&relayer, "-TERM");
    let (code, said) = ended(&scene, relayer).await;
    assert_eq!(code, Some(0), "{said}");
}
