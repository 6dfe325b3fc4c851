use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use relay_core::relay::RpcType;
use serde_json::{Value, json};

use super::node::{self, Node};
use crate::backend::endpoint::Verdict;
use crate::config::SyncConfig;

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    height: u64,
    chain: String,
    catching_up: bool,
}

/// Asks a node how far it is and on which chain; `None` when it does not say.
pub(super) async fn look(node: &Node, kind: RpcType, config: &SyncConfig) -> Option<View> {
    if kind == RpcType::CometBft {
        let status = fetch(node, Method::GET, "/status", Bytes::new()).await?;
        return comet(&status);
    }
    let height = call(node, "eth_blockNumber").await?;
    // Who does not say whether it catches up does not.
    let syncing = call(node, "eth_syncing").await.unwrap_or(Value::Bool(false));
    let chain = if config.chain_id.is_some() { call(node, "eth_chainId").await? } else { Value::Null };
    Some(View {
        height: hex_number(&height)?,
        chain: chain.as_str().unwrap_or_default().to_owned(),
        catching_up: syncing.is_object(),
    })
}

fn comet(status: &Value) -> Option<View> {
    // Over JSON-RPC the status is the result, and some nodes give it bare.
    let status = status.get("result").unwrap_or(status);
    let sync = status.get("sync_info")?;
    Some(View {
        height: sync.get("latest_block_height")?.as_str()?.parse().ok()?,
        chain: status["node_info"]["network"].as_str().unwrap_or_default().to_owned(),
        catching_up: sync["catching_up"].as_bool().unwrap_or(false),
    })
}

fn hex_number(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

async fn call(node: &Node, method: &str) -> Option<Value> {
    let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": [] });
    let mut answer = fetch(node, Method::POST, "/", question.to_string().into()).await?;
    Some(answer.get_mut("result")?.take())
}

async fn fetch(node: &Node, method: Method, path: &str, body: Bytes) -> Option<Value> {
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let response = node.ask(method, path, headers, body).await.ok()?;
    if !response.status().is_success() {
        return None;
    }
    let (body, _) = node::body(response).await.ok()??;
    serde_json::from_slice(&body).ok()
}

/// Judges all nodes of a pool by what they say at the same time.
///
/// A node is never out for being behind when nobody is ahead. The height to measure by is the best that another node confirms
/// within the lag allowed, so that one node that invents a height does not turn all others out; if nobody confirms anybody, it
/// is the best.
pub(super) fn judge(views: &[Option<View>], config: &SyncConfig) -> Vec<Verdict> {
    let own_chain = |view: &View| config.chain_id.as_ref().is_none_or(|chain| chain.is(&view.chain));
    let good: Vec<&View> = views.iter().flatten().filter(|view| own_chain(view)).collect();
    let someone_is_done = good.iter().any(|view| !view.catching_up);
    // Who catches up may know a height already that it cannot answer for.
    let measures = good.iter().filter(|view| !(someone_is_done && view.catching_up));
    let best = config.max_lag.and_then(|max_lag| best(measures.map(|view| view.height), max_lag));
    let judged = views.iter().map(|view| {
        let Some(view) = view else { return Verdict::Unknown };
        if !own_chain(view) {
            return Verdict::OtherChain;
        }
        let lag = best.unwrap_or_default().saturating_sub(view.height);
        match config.max_lag {
            Some(max_lag) if lag > max_lag => Verdict::Behind { lag },
            Some(_) if view.catching_up && someone_is_done => Verdict::Behind { lag },
            _ => Verdict::Fit,
        }
    });
    judged.collect()
}

fn best(heights: impl Iterator<Item = u64>, max_lag: u64) -> Option<u64> {
    let mut heights: Vec<u64> = heights.collect();
    heights.sort_unstable_by(|one, other| other.cmp(one));
    let confirmed = heights.windows(2).find(|pair| pair[0].saturating_sub(pair[1]) <= max_lag).map(|pair| pair[0]);
    confirmed.or_else(|| heights.first().copied())
}

#[cfg(test)]
mod tests;
