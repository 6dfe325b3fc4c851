//! Questions to the administration port of a process.

use std::net::SocketAddr;
use std::time::Duration;

use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;

const TIMEOUT: Duration = Duration::from_secs(2);
/// A miner with thousands of suppliers writes a few hundred bytes about each.
const LARGEST_ANSWER: usize = 32 << 20;

/// Asks processes about themselves.
#[derive(Debug, Clone)]
pub(super) struct AdminClient(Client<HttpConnector, Empty<Bytes>>);

/// What `/ready` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Readiness {
    pub(super) ready: bool,
    pub(super) checks: Vec<Check>,
}

/// One of its checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) ready: bool,
    pub(super) message: String,
}

impl Readiness {
    /// The names of the checks that failed. They change when something happened, unlike the messages, which count seconds.
    pub(super) fn failed(&self) -> Vec<String> {
        self.checks.iter().filter(|check| !check.ready).map(|check| check.name.clone()).collect()
    }

    /// What keeps it from being ready.
    pub(super) fn why_not(&self) -> String {
        let failed = self.checks.iter().filter(|check| !check.ready);
        failed.map(|check| format!("{}: {}", check.name, check.message)).collect::<Vec<_>>().join("; ")
    }
}

impl AdminClient {
    pub(super) fn new() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }

    /// Whether the process is ready, or why nobody can tell.
    pub(super) async fn readiness(&self, address: SocketAddr) -> Result<Readiness, String> {
        // 503 is the answer "no", with the reasons in its body.
        self.get(address, "/ready").await.map(|(_, readiness)| readiness)
    }

    /// What `/status` says.
    pub(super) async fn status<T: DeserializeOwned>(&self, address: SocketAddr) -> Result<T, String> {
        match self.get(address, "/status").await? {
            (StatusCode::OK, status) => Ok(status),
            (code, _) => Err(format!("http://{address}/status answers {code}")),
        }
    }

    async fn get<T: DeserializeOwned>(&self, address: SocketAddr, path: &str) -> Result<(StatusCode, T), String> {
        let url = format!("http://{address}{path}");
        let ask = async {
            let request = Request::get(&url).body(Empty::new()).map_err(|error| error.to_string())?;
            let answer = self.0.request(request).await.map_err(|error| error.to_string())?;
            let code = answer.status();
            let body = Limited::new(answer.into_body(), LARGEST_ANSWER).collect().await;
            let body = body.map_err(|error| error.to_string())?.to_bytes();
            Ok((code, serde_json::from_slice(&body).map_err(|error| error.to_string())?))
        };
        match tokio::time::timeout(TIMEOUT, ask).await {
            Ok(answer) => answer.map_err(|error: String| format!("no answer from {url}: {error}")),
            Err(_) => Err(format!("no answer from {url} within {} s", TIMEOUT.as_secs())),
        }
    }
}
