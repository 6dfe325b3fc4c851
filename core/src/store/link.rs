//! What the store sends commands through: one server, the primary that Sentinels name, or a cluster.

mod access;
mod cluster;
mod explain;
mod line;
mod map;
mod sentinel;
mod slots;
mod url;

use std::sync::Arc;
use std::time::Duration;

use redis::{Client, Cmd, FromRedisValue, Pipeline, RedisError, Script, Value, cmd};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::StoreError;
use super::command::Call;
pub(super) use access::Access;
use cluster::Cluster;
use explain::{explain, is_unknown_script};
use line::{Batch, Line};
pub(super) use map::Shard;
pub(super) use sentinel::Terms;
pub(super) use slots::tag;
use url::Form;
pub use url::RedisUrl;

/// A way to Redis that many tasks share. Every wait on it is bounded.
pub(super) struct Link {
    access: Arc<Access>,
    route: Route,
    limit: Duration,
    broken: Arc<Notify>,
}

enum Route {
    /// A server, or the one that is the primary now.
    One(Box<Line>),
    Many(Cluster),
}

/// A server that holds a part of the keys: all of them, or those of some slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Of(Shard),
}

impl Part {
    /// Of the server, where it is one of several.
    pub(super) fn address(&self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Of(shard) => Some(shard.endpoint.to_string()),
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("access", &self.access).finish_non_exhaustive()
    }
}

impl Link {
    /// Prepares connections; each is made with its first command.
    pub(super) fn new(access: Arc<Access>, response_timeout: Duration) -> Self {
        let broken = Arc::new(Notify::new());
        let limit = access.connect_timeout + response_timeout;
        let route = match &access.url().form {
            Form::Cluster { seeds } => {
                Route::Many(Cluster::new(access.clone(), seeds.clone(), response_timeout, broken.clone()))
            }
            form => Route::One(Box::new(Line::new(access.clone(), form.clone(), response_timeout, broken.clone()))),
        };
        Self { access, route, limit, broken }
    }

    /// Whom it leads to, without credentials.
    pub(super) fn address(&self) -> String {
        let connected = match &self.route {
            Route::One(line) => line.address(),
            Route::Many(_) => None,
        };
        connected.map_or_else(|| self.access.url().to_string(), |address| address.to_string())
    }

    /// The servers that hold the keys now.
    pub(super) async fn parts(&self) -> Result<Vec<Part>, StoreError> {
        match &self.route {
            Route::One(_) => Ok(vec![Part::Whole]),
            Route::Many(cluster) => {
                let shards = self.bounded(cluster.shards()).await?;
                Ok(shards.into_iter().map(Part::Of).collect())
            }
        }
    }

    /// Several commands to one of these servers, whatever their keys.
    pub(super) async fn pipe_to<T: FromRedisValue>(&self, part: &Part, pipeline: &Pipeline) -> Result<T, StoreError> {
        let (Part::Of(shard), Route::Many(cluster)) = (part, &self.route) else {
            return self.pipe(pipeline).await;
        };
        let (values, address) = self.bounded(cluster.send_to(shard, Batch::Many(pipeline))).await?;
        read(Value::Array(values.into_iter().map(|value| plain(value, &address)).collect::<Result<_, _>>()?))
    }

    /// One command to one of these servers.
    pub(super) async fn run_at<T: FromRedisValue>(&self, part: &Part, command: &Cmd) -> Result<T, StoreError> {
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(command.clone());
        self.pipe_to::<(T,)>(part, &pipeline).await.map(|(answer,)| answer)
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
            None => match self.parts().await?.into_iter().next() {
                Some(Part::Of(shard)) => self.access.client(&Form::Server(shard.endpoint)).await,
                _ => self.access.client(&self.access.url().form).await,
            },
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
        let line = match (&self.route, batch) {
            (Route::One(line), _) => line,
            (Route::Many(cluster), Batch::One(command)) => return cluster.exchange(&[command], script).await,
            (Route::Many(cluster), Batch::Many(pipeline)) => {
                let commands: Vec<&Cmd> = pipeline.cmd_iter().collect();
                return cluster.exchange(&commands, script).await;
            }
        };
        let (mut replies, mut address) = line.send(batch).await?;
        if let Some(script) = script.filter(|_| replies.iter().any(lacks_script)) {
            line.load(script).await?;
            (replies, address) = line.send(batch).await?;
        }
        Ok(replies.into_iter().map(|reply| plain(reply, &address)).collect())
    }

    /// Also bounds the wait for a connection that is being made.
    async fn bounded<T>(&self, answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if let Ok(outcome) = timeout(self.limit, answer).await {
            return outcome;
        }
        match &self.route {
            Route::One(line) => line.note_silence(),
            Route::Many(cluster) => cluster.note_silence(),
        }
        Err(StoreError::TimedOut { address: self.address() })
    }
}

fn plain(reply: Value, address: &str) -> Result<Value, StoreError> {
    reply.extract_error().map_err(|error| explain(address, &error))
}

fn read<T: FromRedisValue>(value: Value) -> Result<T, StoreError> {
    redis::from_redis_value(value).map_err(|error| StoreError::malformed("an answer", error))
}

fn lacks_script(reply: &Value) -> bool {
    matches!(reply, Value::ServerError(error) if is_unknown_script(&RedisError::from(error.clone())))
}
