//! One connection to Redis that comes back by itself, and never makes anybody wait without bound.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Cmd, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError, ServerErrorKind};
use tokio::sync::Notify;

use super::StoreError;
use super::command::Call;
use crate::units::SessionId;

const RECONNECT_ATTEMPTS: usize = 3;
const RECONNECT_DELAY: Duration = Duration::from_millis(500);
/// A connection that swallows this many commands in a row is replaced: its other end may have vanished without a word.
const SILENT_COMMANDS: u32 = 3;

/// A connection that many tasks share; their commands are pipelined.
pub(super) struct Link {
    client: Client,
    address: String,
    connect_timeout: Duration,
    response_timeout: Duration,
    manager: RwLock<ConnectionManager>,
    unanswered: AtomicU32,
    /// Told when the connection broke or fell silent.
    broken: Notify,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Link {
    /// Prepares a connection; it is made with the first command.
    pub(super) fn new(url: &str, connect_timeout: Duration, response_timeout: Duration) -> Result<Self, StoreError> {
        let refuse = |error: RedisError| StoreError::Url(error.to_string());
        let info = url.into_connection_info().map_err(refuse)?;
        let address = info.addr().to_string();
        let client = Client::open(info).map_err(refuse)?;
        let manager = connect(&client, connect_timeout, response_timeout).map_err(refuse)?;
        Ok(Self {
            client,
            address,
            connect_timeout,
            response_timeout,
            manager: RwLock::new(manager),
            unanswered: AtomicU32::new(0),
            broken: Notify::new(),
        })
    }

    /// Host and port, without the password.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Returns when the connection has failed since this was last awaited.
    pub(super) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// One command.
    pub(super) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut manager = self.manager();
        self.bounded(command.query_async(&mut manager)).await.map_err(|error| self.explain(&error))
    }

    /// Several commands in one round trip; their answers as one list.
    pub(super) async fn pipe<T: FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, StoreError> {
        let mut manager = self.manager();
        self.bounded(pipeline.query_async(&mut manager)).await.map_err(|error| self.explain(&error))
    }

    /// One call of a script.
    pub(super) async fn call<T: FromRedisValue>(&self, call: Call) -> Result<T, StoreError> {
        let command = call.command();
        let mut manager = self.manager();
        match self.bounded(command.query_async(&mut manager)).await {
            Err(error) if is_unknown_script(&error) => {
                self.load(&call).await?;
                self.run(&command).await
            }
            outcome => outcome.map_err(|error| self.explain(&error)),
        }
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
        let mut manager = self.manager();
        match self.bounded(pipeline.query_async(&mut manager)).await {
            Err(error) if is_unknown_script(&error) => {
                self.load(first).await?;
                self.pipe(&pipeline).await
            }
            outcome => outcome.map_err(|error| self.explain(&error)),
        }
    }

    async fn load(&self, call: &Call) -> Result<(), StoreError> {
        let mut manager = self.manager();
        let loading = async { call.script.load_async(&mut manager).await };
        self.bounded(loading).await.map(|_| ()).map_err(|error| self.explain(&error))
    }

    fn manager(&self) -> ConnectionManager {
        self.manager.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Also bounds the wait for a connection that is being made, which the client library does not.
    async fn bounded<T>(&self, answer: impl Future<Output = Result<T, RedisError>>) -> Result<T, RedisError> {
        let limit = self.connect_timeout + self.response_timeout;
        let outcome = tokio::time::timeout(limit, answer)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
        match &outcome {
            Err(error) if error.is_timeout() => self.note_silence(),
            Err(error) if error.is_io_error() => self.broken.notify_one(),
            _ => self.unanswered.store(0, Ordering::Relaxed),
        }
        outcome
    }

    fn note_silence(&self) {
        self.broken.notify_one();
        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 < SILENT_COMMANDS {
            return;
        }
        self.unanswered.store(0, Ordering::Relaxed);
        if let Ok(fresh) = connect(&self.client, self.connect_timeout, self.response_timeout) {
            *self.manager.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    fn explain(&self, error: &RedisError) -> StoreError {
        let address = self.address.clone();
        if error.is_timeout() {
            return StoreError::TimedOut { address };
        }
        if error.is_io_error() || error.is_connection_dropped() {
            return StoreError::Unreachable { address, reason: error.to_string() };
        }
        // A failing pipeline carries its replies inside; the first one says why.
        let replies = error.clone().into_server_errors();
        let first = replies.as_ref().and_then(|replies| replies.first()).map(|(_, reply)| reply);
        let code = first.map_or_else(|| error.code().unwrap_or_default(), |reply| reply.code());
        let detail = first.map_or_else(|| error.detail(), |reply| reply.details()).unwrap_or_default().to_owned();
        match code {
            "FENCED" => StoreError::FenceLost,
            "UNREGISTERED" => StoreError::UnknownSession(SessionId::from(detail)),
            "OPEN" => StoreError::NotClosed,
            "MOVEDON" => StoreError::LogMoved(detail),
            "LOADING" => StoreError::Loading,
            "OOM" => StoreError::Full(detail),
            "READONLY" | "MISCONF" | "NOREPLICAS" => StoreError::ReadOnly(format!("{code} {detail}")),
            _ if error.kind() == ErrorKind::Parse || error.kind() == ErrorKind::UnexpectedReturnType => {
                StoreError::malformed("an answer", error)
            }
            _ => StoreError::Refused(error.to_string()),
        }
    }
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn connect(client: &Client, connect: Duration, response: Duration) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(RECONNECT_ATTEMPTS)
        .set_max_delay(RECONNECT_DELAY)
        .set_connection_timeout(Some(connect))
        .set_response_timeout(Some(response));
    ConnectionManager::new_lazy_with_config(client.clone(), config)
}
