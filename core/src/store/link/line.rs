//! A connection to one server that comes back by itself, and never makes anybody wait without bound.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures::future::BoxFuture;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, Pipeline, RedisError, Script, Value};
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until};

use super::access::Access;
use super::explain::{explain, is_demoted};
use super::url::Form;
use crate::store::StoreError;

/// A connection that swallows this many commands in a row is replaced: its other end may have vanished without a word.
const SILENT_COMMANDS: u32 = 3;
/// Pause after a failed attempt to connect; it doubles up to the longest.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What goes out together.
#[derive(Clone, Copy)]
pub(super) enum Batch<'a> {
    One(&'a Cmd),
    Many(&'a Pipeline),
}

/// One connection, shared by many tasks; their commands are pipelined.
pub(super) struct Line {
    access: Arc<Access>,
    place: Form,
    response_timeout: Duration,
    current: RwLock<Option<Open>>,
    making: Mutex<Making>,
    unanswered: AtomicU32,
    /// Told when the connection broke or fell silent.
    broken: Arc<Notify>,
}

#[derive(Clone)]
struct Open {
    connection: MultiplexedConnection,
    address: Arc<str>,
    /// Numbers the connections of this line.
    number: u64,
    /// That of the Sentinels when it was made.
    era: u64,
}

#[derive(Default)]
struct Making {
    attempts: u64,
    failure: Option<StoreError>,
    pause: Duration,
    not_before: Option<Instant>,
}

impl Line {
    pub(super) fn new(access: Arc<Access>, place: Form, response_timeout: Duration, broken: Arc<Notify>) -> Self {
        let (current, making) = (RwLock::default(), Mutex::default());
        Self { access, place, response_timeout, current, making, unanswered: AtomicU32::new(0), broken }
    }

    /// Sends commands and returns their replies, error replies among them, with the address of who gave them.
    pub(super) async fn send(&self, batch: Batch<'_>) -> Result<(Vec<Value>, Arc<str>), StoreError> {
        let mut open = self.connection().await?;
        let outcome = match batch {
            Batch::One(command) => open.connection.send_packed_command(command).await.map(|value| vec![value]),
            Batch::Many(pipeline) => open.connection.send_packed_commands(pipeline, 0, pipeline.len()).await,
        };
        self.note(&outcome, open.number);
        match outcome {
            Ok(replies) => Ok((replies, open.address)),
            Err(error) => match redis::ServerError::try_from(error) {
                Ok(reply) => Ok((vec![Value::ServerError(reply)], open.address)),
                Err(error) => Err(explain(&open.address, &error)),
            },
        }
    }

    /// Makes a script known to the server.
    pub(super) async fn load(&self, script: &Script) -> Result<(), StoreError> {
        let mut open = self.connection().await?;
        let outcome = script.load_async(&mut open.connection).await;
        outcome.map(|_| ()).map_err(|error| explain(&open.address, &error))
    }

    /// The server at the other end, if there is a connection.
    pub(super) fn address(&self) -> Option<Arc<str>> {
        self.open().map(|open| open.address)
    }

    /// Also for the case that an answer is not awaited to its end.
    pub(super) fn note_silence(&self) {
        self.broken.notify_one();
        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= SILENT_COMMANDS {
            self.unanswered.store(0, Ordering::Relaxed);
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    fn open(&self) -> Option<Open> {
        let open = self.current.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_current = self.access.sentinels().is_none_or(|sentinels| sentinels.era() == open.era);
        is_current.then_some(open)
    }

    /// One caller connects, the others wait for it and share what comes of it.
    async fn connection(&self) -> Result<Open, StoreError> {
        if let Some(open) = self.open() {
            return Ok(open);
        }
        let asked_at = Instant::now();
        let mut making = self.making.lock().await;
        if let Some(open) = self.open() {
            return Ok(open);
        }
        if let (Some(failure), Some(not_before)) = (&making.failure, making.not_before)
            && not_before - making.pause > asked_at
        {
            return Err(failure.clone());
        }
        if let Some(moment) = making.not_before {
            sleep_until(moment).await;
        }
        making.attempts += 1;
        // Boxed: what it takes to connect must not make every future that sends a command large.
        let dialling: BoxFuture<'_, _> = Box::pin(self.dial(making.attempts));
        match dialling.await {
            Ok(open) => {
                *making = Making { attempts: making.attempts, ..Making::default() };
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
                self.unanswered.store(0, Ordering::Relaxed);
                Ok(open)
            }
            Err(error) => {
                making.pause = (making.pause * 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                making.not_before = Some(Instant::now() + making.pause);
                making.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn dial(&self, number: u64) -> Result<Open, StoreError> {
        if let Some(sentinels) = self.access.sentinels() {
            let (connection, endpoint) = sentinels.dial(&self.access, self.response_timeout).await?;
            return Ok(Open { connection, address: endpoint.to_string().into(), number, era: sentinels.era() });
        }
        let connection = self.access.dial(&self.place, self.response_timeout).await?;
        let address = match &self.place {
            Form::Server(endpoint) => endpoint.to_string().into(),
            Form::Socket(path) => path.as_str().into(),
            Form::Sentinel { .. } | Form::Cluster { .. } => self.access.url().to_string().into(),
        };
        Ok(Open { connection, address, number, era: 0 })
    }

    fn note(&self, outcome: &Result<Vec<Value>, RedisError>, number: u64) {
        match outcome {
            Err(error) if error.is_timeout() => self.note_silence(),
            Err(error) if error.is_io_error() || error.is_unrecoverable_error() => self.drop_connection(number),
            Err(error) if is_demoted(error) => self.drop_connection(number),
            Ok(replies) if replies.iter().any(is_demotion) => self.drop_connection(number),
            _ => self.unanswered.store(0, Ordering::Relaxed),
        }
    }

    /// The next command makes another one. A younger connection than the one that failed stays.
    fn drop_connection(&self, number: u64) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_some_and(|open| open.number == number) {
            *current = None;
        }
        drop(current);
        self.broken.notify_one();
    }
}

fn is_demotion(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if is_demoted(&error.clone().into()))
}
