use std::time::Duration;

use bytes::Bytes;
use http::Uri;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::config::NodeConfig;
use super::error::ChainError;
use super::grpc::with_sources;
use crate::units::Height;

/// A settlement block of a busy network has tens of megabytes of events.
const LARGEST_ANSWER: usize = 128 * 1024 * 1024;
const MOST_IDLE_CONNECTIONS: usize = 8;

/// The CometBFT RPC of one node.
#[derive(Clone)]
pub(crate) struct Rpc {
    node: String,
    base: String,
    client: HttpClient,
    timeout: Duration,
}

#[derive(Clone)]
enum HttpClient {
    Plain(Client<HttpConnector, Empty<Bytes>>),
    Secure(Client<HttpsConnector<HttpConnector>, Empty<Bytes>>),
}

#[derive(Deserialize)]
struct Envelope<T> {
    result: Option<T>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i32,
    message: String,
    #[serde(default)]
    data: serde_json::Value,
}

impl Rpc {
    pub(crate) fn new(node: &NodeConfig, timeout: Duration) -> Result<Self, ChainError> {
        let base = node.rpc.trim().trim_end_matches('/').to_owned();
        let wrong = |reason: String| ChainError::Config { node: node.name.clone(), reason };
        let uri: Uri = base.parse().map_err(|error| wrong(format!("rpc {base:?}: {error}")))?;
        let client = match uri.scheme_str() {
            Some("http") => HttpClient::Plain(builder().build_http()),
            Some("https") => HttpClient::Secure(builder().build(secure_connector().map_err(wrong)?)),
            _ => return Err(wrong(format!("rpc {base:?} starts with neither http:// nor https://"))),
        };
        Ok(Self { node: node.name.clone(), base, client, timeout })
    }

    /// The URL without slashes at its end.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Calls a method by its path, such as `/block?height=7`. `height` is the one that errors will name.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, height: Height) -> Result<T, ChainError> {
        let body = tokio::time::timeout(self.timeout, self.fetch(path))
            .await
            .map_err(|_| self.transient(format!("{path} took longer than {:?}", self.timeout)))??;
        let envelope: Envelope<T> = serde_json::from_slice(&body)
            .map_err(|error| self.transient(format!("{path} is not the JSON of a node: {error}")))?;
        match (envelope.result, envelope.error) {
            (Some(result), None) => Ok(result),
            (_, Some(error)) => Err(self.refusal(path, height, &error)),
            (None, None) => Err(self.transient(format!("{path} has neither result nor error"))),
        }
    }

    async fn fetch(&self, path: &str) -> Result<Bytes, ChainError> {
        let failed = |reason: String| self.transient(format!("{path}: {reason}"));
        let uri: Uri = format!("{}{path}", self.base).parse().map_err(|error| failed(format!("{error}")))?;
        let response = match &self.client {
            HttpClient::Plain(client) => client.get(uri).await,
            HttpClient::Secure(client) => client.get(uri).await,
        };
        let response = response.map_err(|error| failed(with_sources(&error)))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
        let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
        // Errors of the node's own come as JSON with status 500; anything else is a proxy's.
        if !status.is_success() && body.first() != Some(&b'{') {
            return Err(failed(format!("HTTP status {status}")));
        }
        Ok(body)
    }

    fn transient(&self, reason: String) -> ChainError {
        ChainError::Transient { node: self.node.clone(), reason }
    }

    fn refusal(&self, path: &str, height: Height, error: &RpcError) -> ChainError {
        let node = self.node.clone();
        let data = error.data.as_str().map_or_else(|| error.data.to_string(), str::to_owned);
        let reason = format!("{path}: {}: {data}", error.message);
        if data.contains("must be less than or equal to the current blockchain height") {
            return ChainError::TooHigh { node, height, reason };
        }
        if data.contains("is not available, lowest height is") {
            return ChainError::Pruned { node, height, reason };
        }
        // A node that is committing this very block may have the block but not its results.
        if data.contains("could not find results for height") {
            return ChainError::TooHigh { node, height, reason };
        }
        ChainError::Refused { node, code: error.code, reason }
    }
}

fn builder() -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(MOST_IDLE_CONNECTIONS).pool_timer(TokioTimer::new());
    builder
}

/// TLS by the certificates of the machine, for HTTP/1.1: the websocket needs that too.
pub(crate) fn secure_connector() -> Result<HttpsConnector<HttpConnector>, String> {
    let builder = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
        .map_err(|error| format!("https needs the machine's root certificates (package ca-certificates): {error}"))?;
    Ok(builder.https_or_http().enable_http1().build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(url: &str) -> Result<Rpc, ChainError> {
        let node = NodeConfig { name: "n".to_owned(), rpc: url.to_owned(), grpc: "127.0.0.1:9090".to_owned() };
        Rpc::new(&node, Duration::from_secs(1))
    }

    #[test]
    fn slashes_at_the_end_do_not_matter() {
        assert_eq!(rpc("http://127.0.0.1:26657//").unwrap().base(), "http://127.0.0.1:26657");
        assert!(matches!(rpc("https://rpc.example/").unwrap().client, HttpClient::Secure(_)));
    }

    #[test]
    fn an_address_without_scheme_is_a_mistake_that_is_explained() {
        for wrong in ["127.0.0.1:26657", "tcp://127.0.0.1:26657", ""] {
            let error = rpc(wrong).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("http://host:26657"), "{wrong}: {error}");
        }
    }

    #[test]
    fn heights_that_a_node_does_not_have_are_told_apart() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/cometbft/block.too_high.error.json");
        let captured: Envelope<()> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let rpc = rpc("http://127.0.0.1:1").unwrap();
        let refusal = rpc.refusal("/block", Height(99_999), &captured.error.unwrap());
        assert!(matches!(refusal, ChainError::TooHigh { height: Height(99_999), .. }), "{refusal}");
        let pruned = RpcError {
            code: -32603,
            message: "Internal error".to_owned(),
            data: "height 1 is not available, lowest height is 500".into(),
        };
        assert!(matches!(rpc.refusal("/block", Height(1), &pruned), ChainError::Pruned { .. }));
    }
}
