//! RPC answers of a node that has not seen the last blocks yet.

use bytes::Bytes;
use hyper::Response;
use serde_json::{Value, json};

use super::call::Call;
use super::upstream::number;
use super::{Lag, Upstream};
use crate::{Error, request};

/// Methods that take a height and answer for the last block without one.
const PINNED: [&str; 6] = ["block", "block_results", "commit", "validators", "header", "consensus_params"];

/// Answers as a node that is behind by `lag`.
pub(super) async fn answer(call: Call, lag: Lag, upstream: &Upstream) -> Result<Response<Bytes>, Error> {
    let reached = upstream.reached(lag).await?;
    match call.method.as_str() {
        method if PINNED.contains(&method) => match call.height() {
            Some(asked) if asked > reached => Ok(call.error(&format!(
                "height {asked} must be less than or equal to the current blockchain height {reached}"
            ))),
            asked => call.at(asked.unwrap_or(reached)).forward(&upstream.rpc).await,
        },
        "abci_query" => match call.height() {
            // The real node itself then says that this height is in the future.
            Some(asked) if asked > reached => call.at(i64::MAX - 1).forward(&upstream.rpc).await,
            asked => call.at(asked.unwrap_or(reached)).forward(&upstream.rpc).await,
        },
        "status" => {
            let block = request::rpc(&upstream.rpc, "block", &json!({"height": reached.to_string()})).await?;
            edit(call.forward(&upstream.rpc).await?, |result| {
                let (header, status) = (&block["block"]["header"], &mut result["sync_info"]);
                status["latest_block_height"] = reached.to_string().into();
                status["latest_block_hash"] = block["block_id"]["hash"].clone();
                status["latest_app_hash"] = header["app_hash"].clone();
                status["latest_block_time"] = header["time"].clone();
            })
        }
        "abci_info" => edit(call.forward(&upstream.rpc).await?, |result| {
            result["response"]["last_block_height"] = reached.to_string().into();
        }),
        "tx" => {
            let missing = call.error("tx not found");
            let response = call.forward(&upstream.rpc).await?;
            let found: Value = serde_json::from_slice(response.body()).unwrap_or_default();
            let newer = number(&found["result"]["height"]).is_some_and(|height| height > reached);
            Ok(if newer { missing } else { response })
        }
        _ => call.forward(&upstream.rpc).await,
    }
}

fn edit(response: Response<Bytes>, change: impl FnOnce(&mut Value)) -> Result<Response<Bytes>, Error> {
    let (mut parts, body) = response.into_parts();
    let mut answer: Value = serde_json::from_slice(&body).map_err(|error| Error::malformed("rpc", error))?;
    change(&mut answer["result"]);
    parts.headers.remove(hyper::header::CONTENT_LENGTH);
    Ok(Response::from_parts(parts, answer.to_string().into()))
}
