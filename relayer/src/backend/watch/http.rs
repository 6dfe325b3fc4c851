use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};

use super::node::{self, Node};
use crate::config::ProbeConfig;

/// A request and its answer, as configured.
pub(super) async fn probe(node: &Node, config: &ProbeConfig) -> Result<(), String> {
    let method = config.method.to_ascii_uppercase();
    let method = Method::try_from(method.as_str()).map_err(|error| error.to_string())?;
    let mut headers = node::headers(&config.headers);
    if let Some(value) = content_type(config).and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.entry(CONTENT_TYPE).or_insert(value);
    }
    let body = Bytes::from(config.body.clone().unwrap_or_default());
    let response = node.ask(method, config.path.as_deref().unwrap_or("/"), headers, body).await?;
    let status = response.status();
    // A connection whose answer was read can be used again.
    let body = node::body(response).await?;
    if !is_expected(status, &config.expected_status) {
        return Err(format!("status {}", status.as_u16()));
    }
    let Some(expected) = &config.expected_body else { return Ok(()) };
    let (body, _) = body.ok_or("the answer is too large to be looked at")?;
    let found = body.windows(expected.len().max(1)).any(|part| part == expected.as_bytes());
    if found || expected.is_empty() { Ok(()) } else { Err("the answer is not as expected".to_owned()) }
}

fn content_type(config: &ProbeConfig) -> Option<&str> {
    let is_json = || config.body.as_ref().is_some_and(|body| body.trim_start().starts_with(['{', '[']));
    config.content_type.as_deref().or_else(|| is_json().then_some("application/json"))
}

fn is_expected(status: StatusCode, expected: &[u16]) -> bool {
    if expected.is_empty() { status.is_success() } else { expected.contains(&status.as_u16()) }
}
