//! A miner whose administration port can be asked.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use miner::{Config, Miner, MinerError};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) struct Running {
    pub(crate) admin: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<Result<(), MinerError>>,
}

impl Running {
    pub(crate) async fn start(config: Config) -> Self {
        let miner = Miner::bind(config, Some("hash of the file".to_owned())).await.unwrap();
        let (admin, stop) = (miner.admin_address().unwrap(), CancellationToken::new());
        Self { admin, task: tokio::spawn(miner.serve(stop.clone())), stop }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let mut stream = tokio::net::TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).await.unwrap();
        let (head, body) = reply.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub(crate) async fn status(&self) -> Value {
        serde_json::from_str(&self.get("/status").await.1).unwrap()
    }

    /// The status, as soon as it is as wanted.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let status = self.status().await;
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "{what} did not come to pass: {status:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn end(self) -> Result<(), MinerError> {
        self.stop.cancel();
        self.task.await.unwrap()
    }
}

/// What `/ready` says about one thing.
pub(crate) fn check<'s>(status: &'s Value, name: &str) -> &'s Value {
    let checks = status["ready"]["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).unwrap_or(&Value::Null)
}
