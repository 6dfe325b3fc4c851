//! What the store sends commands through: one server, the primary that Sentinels name, or a cluster.

mod access;
mod explain;
mod line;
mod sentinel;
mod url;

use std::sync::Arc;
use std::time::Duration;

use redis::{Client, Cmd, FromRedisValue, Pipeline, RedisError, Script, Value, cmd};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::StoreError;
use super::command::Call;
pub(super) use access::Access;
use explain::{explain, is_unknown_script};
use line::{Batch, Line};
pub(super) use sentinel::Terms;
use url::Form;
pub use url::RedisUrl;

/// A way to Redis that many tasks share. Every wait on it is bounded.
pub(super) struct Link {
    access: Arc<Access>,
    line: Line,
    limit: Duration,
    broken: Arc<Notify>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("access", &self.access).finish_non_exhaustive()
    }
}

impl Link {
    /// Prepares a connection; it is made with the first command.
    pub(super) fn new(access: Arc<Access>, response_timeout: Duration) -> Self {
        let broken = Arc::new(Notify::new());
        let limit = access.connect_timeout + response_timeout;
        let line = Line::new(access.clone(), access.url().form.clone(), response_timeout, broken.clone());
        Self { access, line, limit, broken }
    }

    /// Whom it leads to, without credentials.
    pub(super) fn address(&self) -> String {
        self.line.address().map_or_else(|| self.access.url().to_string(), |address| address.to_string())
    }

    /// Returns when the connection has failed since this was last awaited.
    pub(super) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Follows a fail-over that nobody else noticed: the old primary may live on where only we can see it. Returns the terms
    /// of the next one, where there can be one.
    pub(super) async fn follow(&self) -> Result<Option<Terms>, StoreError> {
        match self.access.sentinels() {
            Some(sentinels) => Ok(Some(sentinels.verify(&self.access).await?.terms)),
            None => Ok(None),
        }
    }

    /// A client of a server that hears every message, for a connection that only listens.
    pub(super) async fn listener(&self) -> Result<Client, StoreError> {
        let _: String = self.run(&cmd("PING")).await?;
        match self.access.sentinels() {
            Some(sentinels) => {
                let primary = sentinels.primary().ok_or_else(|| StoreError::TimedOut { address: self.address() })?;
                self.access.client(&Form::Server(primary)).await
            }
            None => self.access.client(&self.access.url().form).await,
        }
    }

    /// One command.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        read(self.only(command, None).await?)
    }

    /// Several commands in one round trip; their answers as one list.
    pub(super) async fn pipe<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        read(Value::Array(self.all(pipeline, None).await?))
    }

    /// One call of a script.
    pub(super) async fn call<T: FromRedisValue>(&self, call: Call) -> Result<T, StoreError> {
        read(self.only(&call.command(), Some(call.script)).await?)
    }

    /// The same script many times in one round trip, in order.
    pub(super) async fn calls<T: FromRedisValue>(&self, calls: &[Call]) -> Result<Vec<T>, StoreError> {
        let Some(first) = calls.first() else {
            return Ok(Vec::new());
        };
        let mut pipeline = Pipeline::with_capacity(calls.len());
        for call in calls {
            pipeline.add_command(call.command());
        }
        self.all(&pipeline, Some(first.script)).await?.into_iter().map(read).collect()
    }

    async fn only(&self, command: &Cmd, script: Option<&Script>) -> Result<Value, StoreError> {
        let mut replies = self.bounded(self.exchange(Batch::One(command), script)).await?;
        replies.pop().unwrap_or_else(|| Err(StoreError::malformed("an answer", "there is none")))
    }

    async fn all(&self, pipeline: &Pipeline, script: Option<&Script>) -> Result<Vec<Value>, StoreError> {
        self.bounded(self.exchange(Batch::Many(pipeline), script)).await?.into_iter().collect()
    }

    async fn exchange(
        &self,
        batch: Batch<'_>,
        script: Option<&Script>,
    ) -> Result<Vec<Result<Value, StoreError>>, StoreError> {
        let (mut replies, mut address) = self.line.send(batch).await?;
        if let Some(script) = script.filter(|_| replies.iter().any(lacks_script)) {
            self.line.load(script).await?;
            (replies, address) = self.line.send(batch).await?;
        }
        Ok(replies.into_iter().map(|reply| reply.extract_error().map_err(|error| explain(&address, &error))).collect())
    }

    /// Also bounds the wait for a connection that is being made.
    async fn bounded<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if let Ok(outcome) = timeout(self.limit, answer).await {
            return outcome;
        }
        self.line.note_silence();
        Err(StoreError::TimedOut { address: self.address() })
    }
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|error| StoreError::malformed("an answer", error))
}

fn lacks_script(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if is_unknown_script(&RedisError::from(error.clone())))
}
