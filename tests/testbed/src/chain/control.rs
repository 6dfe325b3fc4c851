//! What a test does to the chain: its pace, its parameters, its transactions.

use std::time::Duration;

use hyper::Method;
use serde_json::Value;

use super::{Chain, TxResult};
use crate::{Error, request};

impl Chain {
    /// Makes `blocks` blocks as fast as the machine can, also while paused; returns the height that queries then see.
    pub async fn advance(&self, blocks: u64) -> Result<i64, Error> {
        self.pace(&format!("advance?n={blocks}")).await
    }

    /// Makes blocks until this height; does nothing when the chain is there already. Returns the height.
    pub async fn advance_to(&self, height: i64) -> Result<i64, Error> {
        self.pace(&format!("advance?to={height}")).await
    }

    /// Stops making blocks; queries and the mempool go on. Not over five minutes if transactions are to follow.
    pub async fn pause(&self) -> Result<i64, Error> {
        self.pace("pause").await
    }

    /// Makes blocks again.
    pub async fn resume(&self) -> Result<i64, Error> {
        self.pace("resume").await
    }

    /// Changes the pace of the chain.
    pub async fn block_time(&self, pace: Duration) -> Result<i64, Error> {
        self.pace(&format!("block-time?d={}ms", pace.as_millis())).await
    }

    /// Height of the last block.
    pub async fn height(&self) -> Result<i64, Error> {
        let url = format!("{}/state", self.control());
        height_of(&url, &request::json(Method::GET, &url, "").await?)
    }

    /// Live parameters of a module, in proto-JSON names.
    pub async fn params(&self, module: &str) -> Result<Value, Error> {
        request::json(Method::GET, &format!("{}/params/{module}", self.control()), "").await
    }

    /// Merges some parameters into a module's live ones, in one transaction of the authority; waits for its block.
    ///
    /// Session timing of `shared` changes with the next session, everything else at once.
    pub async fn set_params(&self, module: &str, some: Value) -> Result<TxResult, Error> {
        self.transact(&format!("params/{module}"), &some).await?.accepted()
    }

    /// Signs proto-JSON messages (one, or an array, each with `@type`) with an account's key and waits for the block.
    ///
    /// A refused transaction is no error here: its `code` is not 0. See [`TxResult::accepted`].
    pub async fn send_tx(&self, from: &str, messages: &Value) -> Result<TxResult, Error> {
        self.transact(&format!("tx?from={from}"), messages).await
    }

    /// The same, sent by the authority in the name of the governance module.
    pub async fn send_tx_as_authority(&self, messages: &Value) -> Result<TxResult, Error> {
        self.transact("tx?as_authority=1", messages).await
    }

    async fn pace(&self, path: &str) -> Result<i64, Error> {
        let url = format!("{}/{path}", self.control());
        height_of(&url, &request::json(Method::POST, &url, "").await?)
    }

    async fn transact(&self, path: &str, body: &Value) -> Result<TxResult, Error> {
        let url = format!("{}/{path}", self.control());
        let answer = request::json(Method::POST, &url, body.to_string()).await?;
        serde_json::from_value(answer).map_err(|error| Error::malformed(url, error))
    }
}

impl TxResult {
    /// Turns a refusal (`code` not 0) into an error.
    pub fn accepted(self) -> Result<Self, Error> {
        if self.code == 0 {
            return Ok(self);
        }
        Err(Error::Refused {
            url: format!("transaction {}", self.hash),
            status: i64::from(self.code),
            body: format!("{}: {}", self.codespace, self.log),
        })
    }
}

fn height_of(url: &str, state: &Value) -> Result<i64, Error> {
    state["height"].as_i64().ok_or_else(|| Error::malformed(url, "no height"))
}
