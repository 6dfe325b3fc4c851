//! A real Redis Cluster, and slots on the move.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Redis;
use crate::Error;

const SLOTS: u16 = 16_384;
const LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(50);
/// Keys that one command of a move takes along.
const KEYS_A_STEP: usize = 10;

/// Servers that share the slots evenly, and replicas of the first of them.
///
/// All of it ends when this is dropped.
#[derive(Debug)]
pub struct RedisCluster {
    servers: Vec<Redis>,
    primaries: usize,
}

impl RedisCluster {
    /// Starts this many primaries, and this many replicas of the first. Ready when all know all.
    pub async fn start(primaries: usize, replicas: usize) -> Result<Self, Error> {
        let mut servers = Vec::new();
        for _ in 0..primaries + replicas {
            servers.push(Redis::start_with(&[("cluster-enabled", "yes"), ("cluster-node-timeout", "1500")]).await?);
        }
        let this = Self { servers, primaries };
        this.join().await?;
        Ok(this)
    }

    async fn join(&self) -> Result<(), Error> {
        let share = SLOTS.div_ceil(u16::try_from(self.primaries).unwrap_or(SLOTS));
        let first = self.servers[0].port().to_string();
        for (number, server) in self.servers.iter().enumerate() {
            server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]).await?;
            if number < self.primaries {
                let begin = share * u16::try_from(number).unwrap_or_default();
                let slots: Vec<String> =
                    (begin..begin.saturating_add(share).min(SLOTS)).map(|slot| slot.to_string()).collect();
                let mut command = vec!["CLUSTER", "ADDSLOTS"];
                command.extend(slots.iter().map(String::as_str));
                server.ask(&command).await?;
            }
            if number > 0 {
                server.ask(&["CLUSTER", "MEET", "127.0.0.1", &first]).await?;
            }
        }
        let known = format!("cluster_known_nodes:{}", self.servers.len());
        self.wait_until("all know all", &["cluster_state:ok", &known]).await?;
        let primary = self.id(0).await?;
        for replica in &self.servers[self.primaries..] {
            replica.ask(&["CLUSTER", "REPLICATE", &primary]).await?;
        }
        let limit = Instant::now() + LIMIT;
        for replica in &self.servers[self.primaries..] {
            while replica.ask(&["ROLE"]).await?.get(3).is_none_or(|state| state != "connected") {
                wait("a replica does not get in step", limit).await?;
            }
        }
        // What each tells its clients of the others' replicas spreads by gossip.
        while !self.all_name_replicas().await? {
            wait("replicas are not known to all", limit).await?;
        }
        Ok(())
    }

    async fn all_name_replicas(&self) -> Result<bool, Error> {
        let replicas = self.servers.len() - self.primaries;
        for server in &self.servers {
            let nodes = server.ask(&["CLUSTER", "NODES"]).await?.join("\n");
            let slaves = nodes.lines().filter(|line| line.contains("slave") && line.contains("connected")).count();
            if slaves != replicas {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// `redis-cluster://…` of the primaries that it was started with.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts = self.servers[..self.primaries].iter().map(|server| format!("127.0.0.1:{}", server.port()));
        format!("redis-cluster://{}", hosts.collect::<Vec<_>>().join(","))
    }

    /// The primaries in the order of their slots, then the replicas.
    #[must_use]
    pub fn servers(&self) -> &[Redis] {
        &self.servers
    }

    /// One of the servers, to be killed, paused and restarted.
    pub fn server(&mut self, number: usize) -> &mut Redis {
        &mut self.servers[number]
    }

    /// The slot of a key, as Redis counts it.
    pub async fn slot(&self, key: &str) -> Result<u16, Error> {
        let answer = self.servers[0].ask(&["CLUSTER", "KEYSLOT", key]).await?;
        answer.first().and_then(|text| text.parse().ok()).ok_or_else(|| Error::Redis("no slot of a key".into()))
    }

    /// Which of the primaries a slot belonged to at the start.
    #[must_use]
    pub fn first_owner(&self, slot: u16) -> usize {
        usize::from(slot / SLOTS.div_ceil(u16::try_from(self.primaries).unwrap_or(SLOTS)))
    }

    /// Gives a slot and its keys from one primary to another. Between the steps, each of a few keys, it pauses this long.
    pub async fn move_slot(&self, slot: u16, from: usize, to: usize, pause: Duration) -> Result<(), Error> {
        let (source, target) = (self.id(from).await?, self.id(to).await?);
        let (slot, port) = (slot.to_string(), self.servers[to].port().to_string());
        self.servers[to].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &source]).await?;
        self.servers[from].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &target]).await?;
        loop {
            sleep(pause).await;
            let keys = self.servers[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot, &KEYS_A_STEP.to_string()]).await?;
            if keys.is_empty() {
                break;
            }
            for key in keys {
                self.servers[from].ask(&["MIGRATE", "127.0.0.1", &port, &key, "0", "5000"]).await?;
                sleep(pause).await;
            }
        }
        for server in [to, from] {
            self.servers[server].ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &target]).await?;
        }
        Ok(())
    }

    /// Waits until another server than this one serves what it served.
    pub async fn wait_for_fail_over(&self, from: usize) -> Result<usize, Error> {
        let limit = Instant::now() + LIMIT;
        let replicas: BTreeSet<usize> = (self.primaries..self.servers.len()).filter(|number| *number != from).collect();
        loop {
            for number in &replicas {
                let role = self.servers[*number].ask(&["ROLE"]).await?;
                if role.first().is_some_and(|role| role == "master") {
                    return Ok(*number);
                }
            }
            wait("no replica takes over", limit).await?;
        }
    }

    async fn id(&self, server: usize) -> Result<String, Error> {
        let answer = self.servers[server].ask(&["CLUSTER", "MYID"]).await?;
        answer.into_iter().next().ok_or_else(|| Error::Redis("a node without an id".into()))
    }

    async fn wait_until(&self, what: &str, facts: &[&str]) -> Result<(), Error> {
        let limit = Instant::now() + LIMIT;
        for server in &self.servers {
            loop {
                let info = server.ask(&["CLUSTER", "INFO"]).await?.join("\n");
                if facts.iter().all(|fact| info.lines().any(|line| line.trim() == *fact)) {
                    break;
                }
                wait(what, limit).await?;
            }
        }
        Ok(())
    }
}

async fn wait(what: &str, limit: Instant) -> Result<(), Error> {
    if Instant::now() > limit {
        return Err(Error::Redis(format!("waited {LIMIT:?} in vain: {what}")));
    }
    sleep(POLL).await;
    Ok(())
}
