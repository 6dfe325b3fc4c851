//! The real node behind the proxy, and what was asked of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::Uri;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use super::{Broadcast, Lag};
use crate::{Error, request};

/// The node in front of which the proxy stands.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) rpc: String,
    pub(super) grpc: String,
    /// Speaks HTTP/2 without TLS, as gRPC on loopback does.
    pub(super) grpc_client: Client<HttpConnector, Full<Bytes>>,
    requests: Mutex<BTreeMap<String, u64>>,
    broadcasts: Mutex<Vec<Broadcast>>,
}

impl Upstream {
    pub(super) fn new(rpc: &str, grpc: &str) -> Self {
        let grpc_client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        Self {
            rpc: rpc.trim_end_matches('/').to_owned(),
            grpc: grpc.trim_end_matches('/').to_owned(),
            grpc_client,
            requests: Mutex::default(),
            broadcasts: Mutex::default(),
        }
    }

    /// Height of the node's last block.
    pub(super) async fn tip(&self) -> Result<i64, Error> {
        let status = request::rpc(&self.rpc, "status", &json!({})).await?;
        number(&status["sync_info"]["latest_block_height"]).ok_or_else(|| Error::malformed("status", "no height"))
    }

    /// Height that a node with this lag has reached; at least 1.
    pub(super) async fn reached(&self, lag: Lag) -> Result<i64, Error> {
        Ok((self.tip().await? - i64::from(lag.blocks)).max(1))
    }

    /// Where a request for this path goes.
    pub(super) fn uri(base: &str, path_and_query: &str) -> Result<Uri, Error> {
        let url = format!("{base}{path_and_query}");
        url.parse().map_err(|error| Error::malformed(url, error))
    }

    pub(super) fn count(&self, path: &str) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default() += 1;
    }

    pub(super) fn requests(&self, path: &str) -> u64 {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).get(path).copied().unwrap_or_default()
    }

    pub(super) fn record(&self, broadcast: Broadcast) {
        self.broadcasts.lock().unwrap_or_else(PoisonError::into_inner).push(broadcast);
    }

    pub(super) fn broadcasts(&self) -> Vec<Broadcast> {
        self.broadcasts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An integer that CometBFT writes as a string, or a client as a number.
pub(super) fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim_matches('"').parse().ok())
}
