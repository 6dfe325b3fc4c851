use std::sync::atomic::{AtomicBool, Ordering};

use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::super::{LogConfig, Readiness, install_logs};
use super::*;

#[derive(Default)]
struct Switches {
    stalled: AtomicBool,
    redis: AtomicBool,
}

impl Probes for Switches {
    fn stalled(&self) -> Vec<String> {
        if self.stalled.load(Ordering::Relaxed) { vec!["publisher has not moved".to_owned()] } else { Vec::new() }
    }

    fn readiness(&self) -> Readiness {
        let mut readiness = Readiness::default();
        readiness.check("keys", true, "3 loaded").check("redis", self.redis.load(Ordering::Relaxed), "no answer");
        readiness
    }

    fn status(&self) -> serde_json::Value {
        json!({ "height": 42 })
    }
}

async fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn answers_what_operators_and_kubelets_ask() {
    let server = AdminServer::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_address().unwrap();
    let mut registry = Registry::default();
    let counter: Counter = Counter::default();
    registry.register("relays_answered", "Relays answered", counter.clone());
    let (switches, stop) = (Arc::new(Switches::default()), CancellationToken::new());
    let serving = tokio::spawn(server.serve(registry, Arc::clone(&switches) as Arc<dyn Probes>, stop.clone()));

    counter.inc_by(7);
    let (status, text) = call(address, "GET", "/metrics", "").await;
    assert_eq!(status, 200);
    assert!(text.contains("relays_answered_total 7"), "{text}");

    assert_eq!(call(address, "GET", "/health", "").await.0, 200);
    switches.stalled.store(true, Ordering::Relaxed);
    let (status, text) = call(address, "GET", "/health", "").await;
    assert!(status == 503 && text.contains("publisher"), "{text}");

    let (status, text) = call(address, "GET", "/ready", "").await;
    assert!(status == 503 && text.contains("no answer"), "{text}");
    switches.redis.store(true, Ordering::Relaxed);
    assert_eq!(call(address, "GET", "/ready", "").await.0, 200);
    assert_eq!(call(address, "GET", "/status", "").await, (200, r#"{"height":42}"#.to_owned()));
    assert_eq!(call(address, "GET", "/", "").await.0, 404);
    assert_eq!(call(address, "POST", "/ready", "").await.0, 404);

    // Before the logs of the process are ours there is nothing to change; afterwards the level follows.
    assert_eq!(call(address, "PUT", "/log-level", "debug").await.0, 409);
    install_logs(&LogConfig { level: "warn".to_owned(), ..LogConfig::default() }).unwrap();
    assert!(matches!(install_logs(&LogConfig::default()), Err(TelemetryError::AlreadyInstalled)));
    assert_eq!(call(address, "GET", "/log-level", "").await, (200, r#"{"level":"warn"}"#.to_owned()));
    assert_eq!(call(address, "PUT", "/log-level", "error\n").await, (200, r#"{"level":"error"}"#.to_owned()));
    assert_eq!(call(address, "PUT", "/log-level", "loud").await.0, 400);
    assert_eq!(call(address, "PUT", "/log-level", &"x".repeat(5000)).await.0, 400);

    stop.cancel();
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = AdminServer::bind("127.0.0.1:0").await.unwrap();
    let address = first.local_address().unwrap().to_string();
    let error = AdminServer::bind(&address).await.unwrap_err().to_string();
    assert!(error.contains(&address), "{error}");
}
