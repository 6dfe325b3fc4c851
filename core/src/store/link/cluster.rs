//! A cluster: each command goes to the server that holds its keys, and follows them when they move.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures::future::{join_all, select_ok};
use redis::{Cmd, ErrorKind, Pipeline, RedisError, Script, ServerErrorKind, Value, cmd};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use super::access::Access;
use super::explain::{explain, is_demoted, is_unknown_script};
use super::line::{Batch, Line};
use super::map::{Shard, SlotMap, redirection};
use super::slots::slot_of;
use super::url::{Endpoint, Form, list};
use crate::store::StoreError;

/// How often a command is sent on before the cluster counts as unsettled.
const ATTEMPTS: u32 = 8;
/// Pause before the second attempt where waiting helps; it grows with each.
const PAUSE: Duration = Duration::from_millis(25);
/// The map is asked for at most this often.
const MAP_AGE: Duration = Duration::from_millis(200);

/// What all connections of a store know about the cluster.
#[derive(Debug, Default)]
pub(super) struct Knowledge {
    map: RwLock<Option<Arc<SlotMap>>>,
    stale: AtomicBool,
    renewing: tokio::sync::Mutex<Option<Instant>>,
}

/// One line to each server.
pub(super) struct Cluster {
    access: Arc<Access>,
    seeds: Vec<Endpoint>,
    response_timeout: Duration,
    lines: Mutex<HashMap<Endpoint, Arc<Line>>>,
    broken: Arc<Notify>,
}

/// Where a command goes next.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// To the owner of its slot.
    Owner,
    /// To this one.
    To(Endpoint),
    /// To this one, which does not own the slot yet.
    Asking(Endpoint),
}

/// What a reply means for its command.
enum Verdict {
    Final(Result<Value, StoreError>),
    Again { way: Way, stale: bool, pause: bool, load: bool, last: StoreError },
}

impl Cluster {
    pub(super) fn new(
        access: Arc<Access>,
        seeds: Vec<Endpoint>,
        response_timeout: Duration,
        broken: Arc<Notify>,
    ) -> Self {
        Self { access, seeds, response_timeout, lines: Mutex::default(), broken }
    }

    pub(super) async fn shards(&self) -> Result<Vec<Shard>, StoreError> {
        Ok(self.map().await?.shards().to_vec())
    }

    /// Sends to one server, wherever the slots are.
    pub(super) async fn send_to(&self, shard: &Shard, batch: Batch<'_>) -> Result<(Vec<Value>, Arc<str>), StoreError> {
        let outcome = self.line(&shard.endpoint).send(batch).await;
        if outcome.is_err() {
            self.access.knowledge().stale.store(true, Ordering::Release);
        }
        outcome
    }

    pub(super) fn note_silence(&self) {
        self.access.knowledge().stale.store(true, Ordering::Release);
        let lines: Vec<_> = self.lines.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for line in lines {
            line.note_silence();
        }
    }

    /// Sends each command to where its keys are; one round trip for each server while nothing moves. Replies are in the order of
    /// the commands.
    pub(super) async fn exchange(
        &self,
        commands: &[&Cmd],
        script: Option<&Script>,
    ) -> Result<Vec<Result<Value, StoreError>>, StoreError> {
        let mut replies: Vec<Option<Result<Value, StoreError>>> = vec![None; commands.len()];
        let mut open: Vec<(usize, Way)> = (0..commands.len()).map(|index| (index, Way::Owner)).collect();
        for attempt in 1..=ATTEMPTS {
            let map = self.map().await?;
            let mut groups: BTreeMap<(Endpoint, bool), Vec<usize>> = BTreeMap::new();
            for (index, way) in open.drain(..) {
                if let Some(to) = endpoint(&map, commands[index], way) {
                    groups.entry(to).or_default().push(index);
                } else {
                    let reason = "CLUSTERDOWN nobody serves a slot".to_owned();
                    replies[index] = Some(Err(StoreError::Unsettled(reason)));
                    self.access.knowledge().stale.store(true, Ordering::Release);
                }
            }
            let sending =
                groups.iter().map(|((endpoint, asking), indices)| self.send(endpoint, *asking, indices, commands));
            let answers = join_all(sending).await;
            let (mut pause, mut loads) = (false, Vec::new());
            for (((endpoint, asking), indices), answer) in groups.iter().zip(answers) {
                for (position, index) in indices.iter().enumerate() {
                    let verdict = match &answer {
                        Ok(values) => values.get(position).map(|value| judge(value.clone(), endpoint, *asking)),
                        Err(error) => Some(Verdict::Final(Err(error.clone()))),
                    };
                    match verdict {
                        None => replies[*index] = Some(Err(StoreError::malformed("an answer", "there is none"))),
                        Some(Verdict::Final(reply)) => replies[*index] = Some(reply),
                        Some(Verdict::Again { way, stale, pause: wait, load, last }) => {
                            self.access.knowledge().stale.fetch_or(stale, Ordering::AcqRel);
                            pause |= wait;
                            if load && !loads.contains(endpoint) {
                                loads.push(endpoint.clone());
                            }
                            replies[*index] = Some(Err(last));
                            open.push((*index, way));
                        }
                    }
                }
            }
            if open.is_empty() {
                break;
            }
            if let Some(script) = script {
                for endpoint in loads {
                    self.line(&endpoint).load(script).await?;
                }
            }
            if pause {
                sleep(PAUSE * attempt).await;
            }
        }
        let missing = || Err(StoreError::malformed("an answer", "there is none"));
        Ok(replies.into_iter().map(|reply| reply.unwrap_or_else(missing)).collect())
    }

    async fn send(
        &self,
        endpoint: &Endpoint,
        asking: bool,
        indices: &[usize],
        commands: &[&Cmd],
    ) -> Result<Vec<Value>, StoreError> {
        let line = self.line(endpoint);
        let outcome = match indices {
            [only] if !asking => line.send(Batch::One(commands[*only])).await,
            _ => {
                let mut pipeline = Pipeline::with_capacity(2 * indices.len());
                for index in indices {
                    if asking {
                        pipeline.add_command(cmd("ASKING"));
                    }
                    pipeline.add_command(commands[*index].clone());
                }
                line.send(Batch::Many(&pipeline)).await
            }
        };
        match outcome {
            // Every second reply is that of `ASKING`.
            Ok((values, _)) if asking => Ok(values.into_iter().skip(1).step_by(2).collect()),
            Ok((values, _)) => Ok(values),
            Err(error) => {
                // Its slots may have gone to another one, which the next call is to know.
                self.access.knowledge().stale.store(true, Ordering::Release);
                Err(error)
            }
        }
    }

    fn line(&self, endpoint: &Endpoint) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let place = Form::Server(endpoint.clone());
            Arc::new(Line::new(self.access.clone(), place, self.response_timeout, self.broken.clone()))
        };
        lines.entry(endpoint.clone()).or_insert_with(make).clone()
    }

    async fn map(&self) -> Result<Arc<SlotMap>, StoreError> {
        let knowledge = self.access.knowledge();
        let known = || knowledge.map.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(map) = known().filter(|_| !knowledge.stale.load(Ordering::Acquire)) {
            return Ok(map);
        }
        let mut renewed = knowledge.renewing.lock().await;
        if let (Some(map), Some(moment)) = (known(), *renewed)
            && moment.elapsed() < MAP_AGE
        {
            return Ok(map);
        }
        knowledge.stale.store(false, Ordering::Release);
        *renewed = Some(Instant::now());
        match self.ask_for_map(known().as_deref()).await {
            Ok(map) => {
                let map = Arc::new(map);
                *knowledge.map.write().unwrap_or_else(PoisonError::into_inner) = Some(map.clone());
                let is_known = |endpoint: &Endpoint| map.shards().iter().any(|shard| shard.endpoint == *endpoint);
                self.lines.lock().unwrap_or_else(PoisonError::into_inner).retain(|endpoint, _| is_known(endpoint));
                Ok(map)
            }
            Err(error) => {
                knowledge.stale.store(true, Ordering::Release);
                known().ok_or(error)
            }
        }
    }

    /// The first answer of any server that is known.
    async fn ask_for_map(&self, known: Option<&SlotMap>) -> Result<SlotMap, StoreError> {
        let mut servers = self.seeds.clone();
        for shard in known.map(SlotMap::shards).unwrap_or_default() {
            if !servers.contains(&shard.endpoint) {
                servers.push(shard.endpoint.clone());
            }
        }
        let question = {
            let mut question = cmd("CLUSTER");
            question.arg("SLOTS");
            question
        };
        let asking = servers.iter().map(|server| {
            let (line, question) = (self.line(server), &question);
            Box::pin(async move {
                let (mut values, address) = line.send(Batch::One(question)).await?;
                let value =
                    values.pop().unwrap_or(Value::Nil).extract_error().map_err(|error| explain(&address, &error))?;
                let map = SlotMap::parse(value, server)?;
                if map.shards().is_empty() {
                    return Err(StoreError::Unsettled(format!("{server} knows no server with slots")));
                }
                Ok(map)
            })
        });
        match select_ok(asking).await {
            Ok((map, _)) => Ok(map),
            Err(StoreError::Unreachable { reason, .. }) => {
                Err(StoreError::Unreachable { address: format!("the cluster of {}", list(&servers)), reason })
            }
            Err(error) => Err(error),
        }
    }
}

fn endpoint(map: &SlotMap, command: &Cmd, way: Way) -> Option<(Endpoint, bool)> {
    match way {
        Way::To(endpoint) => Some((endpoint, false)),
        Way::Asking(endpoint) => Some((endpoint, true)),
        Way::Owner => match slot_of(command) {
            Some(slot) => map.owner(slot).map(|endpoint| (endpoint.clone(), false)),
            None => map.shards().first().map(|shard| (shard.endpoint.clone(), false)),
        },
    }
}

fn judge(value: Value, endpoint: &Endpoint, asking: bool) -> Verdict {
    let error = match value.extract_error() {
        Ok(value) => return Verdict::Final(Ok(value)),
        Err(error) => error,
    };
    let last = explain(&endpoint.to_string(), &error);
    let here = || if asking { Way::Asking(endpoint.clone()) } else { Way::Owner };
    let again = |way, stale, pause, load| Verdict::Again { way, stale, pause, load, last: last.clone() };
    let ask = |error: &RedisError| redirection(error, endpoint).map_or(Way::Owner, Way::Asking);
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::Moved) => {
            again(redirection(&error, endpoint).map_or(Way::Owner, Way::To), true, false, false)
        }
        ErrorKind::Server(ServerErrorKind::Ask) => again(ask(&error), false, false, false),
        ErrorKind::Server(ServerErrorKind::TryAgain) => again(here(), false, true, false),
        ErrorKind::Server(ServerErrorKind::ClusterDown | ServerErrorKind::MasterDown) => {
            again(Way::Owner, true, true, false)
        }
        _ if is_demoted(&error) => again(Way::Owner, true, true, false),
        _ if is_unknown_script(&error) => again(here(), false, false, true),
        _ => Verdict::Final(Err(last)),
    }
}
