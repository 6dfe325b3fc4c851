//! The few HTTP requests that the harness itself makes: plain, to loopback, whole bodies.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::Error;

/// Longest wait for an answer. `POST /advance` over a thousand blocks needs about six seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// One request, one whole answer, whatever its status.
pub(crate) async fn send(method: Method, url: &str, body: impl Into<Bytes>) -> Result<Response<Bytes>, Error> {
    let unreachable = |reason: String| Error::Unreachable { url: url.to_owned(), reason };
    let request = Request::builder()
        .method(method)
        .uri(url)
        .body(Full::new(body.into()))
        .map_err(|error| unreachable(error.to_string()))?;
    // A client of its own for each request: a pool would outlive the runtime of the test that filled it.
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let exchange = async {
        let response = client.request(request).await.map_err(|error| unreachable(chain_of(&error)))?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| unreachable(chain_of(&error)))?.to_bytes();
        Ok(Response::from_parts(parts, body))
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| unreachable(format!("no answer in {PATIENCE:?}")))?
}

/// A request whose answer must be a success, as JSON.
pub(crate) async fn json(method: Method, url: &str, body: impl Into<Bytes>) -> Result<Value, Error> {
    let response = send(method, url, body).await?;
    if !response.status().is_success() {
        return Err(Error::Refused {
            url: url.to_owned(),
            status: i64::from(response.status().as_u16()),
            body: String::from_utf8_lossy(response.body()).into_owned(),
        });
    }
    serde_json::from_slice(response.body()).map_err(|error| Error::malformed(url, error))
}

/// A JSON-RPC call to CometBFT; the value is the `result` member.
pub(crate) async fn rpc(url: &str, method: &str, params: &Value) -> Result<Value, Error> {
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    let response = send(Method::POST, url, call.to_string()).await?;
    let mut answer: Value = serde_json::from_slice(response.body()).map_err(|error| Error::malformed(url, error))?;
    if let Some(error) = answer.get("error") {
        return Err(Error::Refused {
            url: format!("{url}/{method}"),
            status: error["code"].as_i64().unwrap_or_default(),
            body: error.to_string(),
        });
    }
    Ok(answer["result"].take())
}

/// An error with its causes: hyper's own text alone is "client error".
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
