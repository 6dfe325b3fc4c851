//! Which server is the primary now? Sentinels know; the server itself confirms.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{Pipeline, cmd};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::info;

use super::access::Access;
use super::explain::explain;
use super::url::{Endpoint, Form, Login, list};
use crate::store::StoreError;
use crate::store::checks::Info;

/// Once one Sentinel has answered, the others have this long: one of them may know more.
const OTHERS: Duration = Duration::from_millis(200);

/// The Sentinels of one primary, and what is known through them.
pub(super) struct Sentinels {
    endpoints: Vec<Endpoint>,
    name: String,
    login: Login,
    connections: Mutex<HashMap<Endpoint, MultiplexedConnection>>,
    primary: Mutex<Option<Endpoint>>,
    /// Counts primaries. A connection of an earlier era leads to a server that is none any more.
    era: AtomicU64,
}

/// Answers of a Sentinel: host and port of a primary if it knows one, and all that it knows about it.
type Address = Option<(String, u16)>;
type Facts = HashMap<String, String>;

/// What a Sentinel says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) primary: Endpoint,
    /// Counts fail-overs. The higher one is the younger view.
    epoch: u64,
    pub(super) terms: Terms,
}

/// Under which conditions a replica may take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Terms {
    /// Known replicas, alive or not.
    pub(in crate::store) replicas: u64,
    /// A replica that has heard nothing of its primary for longer than this before the primary went down is not promoted, and
    /// a fail-over takes no longer.
    pub(in crate::store) window: Duration,
}

impl std::fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sentinels")
            .field("endpoints", &self.endpoints)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Sentinels {
    pub(super) fn new(endpoints: Vec<Endpoint>, name: String, login: Login) -> Self {
        let (connections, primary) = (Mutex::default(), Mutex::default());
        Self { endpoints, name, login, connections, primary, era: AtomicU64::new(0) }
    }

    pub(super) fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// A connection to the primary, and its address.
    pub(super) async fn dial(
        &self,
        access: &Access,
        response: Duration,
    ) -> Result<(MultiplexedConnection, Endpoint), StoreError> {
        let mut refusal = None;
        for view in self.views(access).await? {
            match dial_primary(access, &view.primary, response).await {
                Ok(connection) => {
                    self.settle(&view.primary);
                    return Ok((connection, view.primary));
                }
                Err(error) => refusal = Some(error),
            }
        }
        Err(refusal.unwrap_or_else(|| self.unreachable("none of them answered")))
    }

    /// Asks whether the primary is still the same. If it is not, all connections are made anew with their next command.
    pub(super) async fn verify(&self, access: &Access) -> Result<View, StoreError> {
        let views = self.views(access).await?;
        let known = self.primary();
        let view = views.into_iter().next().ok_or_else(|| self.unreachable("none of them answered"))?;
        if known.is_some_and(|known| known != view.primary)
            && dial_primary(access, &view.primary, access.connect_timeout).await.is_ok()
        {
            self.settle(&view.primary);
        }
        Ok(view)
    }

    /// The last primary that was found.
    pub(super) fn primary(&self) -> Option<Endpoint> {
        self.primary.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn settle(&self, primary: &Endpoint) {
        let mut known = self.primary.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() != Some(primary) {
            if let Some(before) = &*known {
                info!(name = self.name, %before, now = %primary, "Redis has another primary");
            }
            *known = Some(primary.clone());
            self.era.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Different views, the youngest first.
    async fn views(&self, access: &Access) -> Result<Vec<View>, StoreError> {
        let mut asked: FuturesUnordered<_> = self.endpoints.iter().map(|sentinel| self.ask(access, sentinel)).collect();
        let mut limit = Instant::now() + access.connect_timeout;
        let (mut views, mut refusal) = (Vec::new(), None);
        while let Ok(Some(answer)) = timeout_at(limit, asked.next()).await {
            match answer {
                Ok(view) => {
                    views.push(view);
                    limit = limit.min(Instant::now() + OTHERS);
                }
                Err(error) => refusal = Some(error),
            }
        }
        if views.is_empty() {
            return Err(match refusal {
                Some(error @ (StoreError::Denied { .. } | StoreError::Untrusted { .. } | StoreError::TlsFile(_))) => {
                    error
                }
                Some(error) => self.unreachable(&error.to_string()),
                None => self.unreachable("none of them answered"),
            });
        }
        views.sort_by_key(|view| std::cmp::Reverse(view.epoch));
        let mut seen = Vec::new();
        views.retain(|view| {
            !seen.contains(&view.primary) && {
                seen.push(view.primary.clone());
                true
            }
        });
        Ok(views)
    }

    async fn ask(&self, access: &Access, sentinel: &Endpoint) -> Result<View, StoreError> {
        let kept = self.connections.lock().unwrap_or_else(PoisonError::into_inner).get(sentinel).cloned();
        let mut connection = match kept {
            Some(connection) => connection,
            None => access.dial_sentinel(sentinel, &self.login).await?,
        };
        let mut pipeline = Pipeline::with_capacity(2);
        pipeline.cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        pipeline.cmd("SENTINEL").arg("MASTER").arg(&self.name);
        let answer = pipeline.query_async::<(Address, Facts)>(&mut connection).await;
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok((address, facts)) => {
                connections.insert(sentinel.clone(), connection);
                let (host, port) = address.ok_or_else(|| self.unreachable("the name is not known there"))?;
                Ok(view(Endpoint { host, port }, &facts))
            }
            Err(error) => {
                connections.remove(sentinel);
                Err(explain(&sentinel.to_string(), &error))
            }
        }
    }

    fn unreachable(&self, reason: &str) -> StoreError {
        let address = format!("`{}` by its Sentinels {}", self.name, list(&self.endpoints));
        StoreError::Unreachable { address, reason: reason.to_owned() }
    }
}

fn view(primary: Endpoint, facts: &Facts) -> View {
    let number = |name: &str| facts.get(name).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    let down_after = Duration::from_millis(number("down-after-milliseconds"));
    let fail_over = Duration::from_millis(number("failover-timeout"));
    // Sentinel passes over replicas that were cut off for ten times as long as it takes to call a primary down.
    let terms = Terms { replicas: number("num-slaves"), window: fail_over.max(down_after * 10) };
    View { primary, epoch: number("config-epoch"), terms }
}

async fn dial_primary(
    access: &Access,
    endpoint: &Endpoint,
    response: Duration,
) -> Result<MultiplexedConnection, StoreError> {
    let mut connection = access.dial(&Form::Server(endpoint.clone()), response).await?;
    let address = endpoint.to_string();
    let asking = async { cmd("INFO").arg("replication").query_async::<String>(&mut connection).await };
    let text = match timeout(access.connect_timeout, asking).await {
        Ok(answer) => answer.map_err(|error| explain(&address, &error))?,
        Err(_) => return Err(StoreError::TimedOut { address }),
    };
    if Info::parse(&text).get("role") == "master" {
        return Ok(connection);
    }
    let reason = "its Sentinels name it as the primary, but it is a replica: a fail-over is not over".to_owned();
    Err(StoreError::Unreachable { address, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_covers_both_the_fail_over_and_the_age_of_a_replica() {
        let facts = |down: &str, fail: &str| {
            HashMap::from([
                ("num-slaves".to_owned(), "2".to_owned()),
                ("down-after-milliseconds".to_owned(), down.to_owned()),
                ("failover-timeout".to_owned(), fail.to_owned()),
                ("config-epoch".to_owned(), "7".to_owned()),
            ])
        };
        let at = || Endpoint { host: "h".into(), port: 1 };
        let window = |down: &str, fail: &str| view(at(), &facts(down, fail)).terms.window;
        assert_eq!(window("5000", "180000"), Duration::from_mins(3));
        assert_eq!(window("30000", "180000"), Duration::from_mins(5));
        let seen = view(at(), &facts("1", "1"));
        assert_eq!((seen.epoch, seen.terms.replicas), (7, 2));
    }
}
