//! A primary, its replicas, and real Sentinels that watch over them.

use std::fmt::Write as _;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::ask::ask;
use super::process::Process;
use super::{PORT_ATTEMPTS, Redis};
use crate::{Error, free_address};

/// The name that these Sentinels know the primary under.
const NAME: &str = "pool";
/// After this long without an answer the primary counts as down.
const DOWN_AFTER: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// Servers of which one is the primary, and Sentinels that choose another when it fails.
///
/// All of it ends when this is dropped.
#[derive(Debug)]
pub struct Sentinel {
    servers: Vec<Redis>,
    sentinels: Vec<Watch>,
}

/// One Sentinel.
#[derive(Debug)]
struct Watch {
    _directory: TempDir,
    port: u16,
    _process: Process,
}

impl Sentinel {
    /// Starts a primary with this many replicas, and this many Sentinels, more than half of which must agree on a fail-over.
    /// Ready when the Sentinels know all replicas and these are in step.
    pub async fn start(replicas: usize, sentinels: usize, options: &[(&str, &str)]) -> Result<Self, Error> {
        let primary = Redis::start_with(options).await?;
        let mut this = Self { servers: vec![primary], sentinels: Vec::new() };
        for _ in 0..replicas {
            let replica = this.servers[0].start_replica(options).await?;
            this.servers.push(replica);
        }
        for _ in 0..sentinels {
            this.sentinels.push(Watch::start(this.servers[0].port(), sentinels / 2 + 1).await?);
        }
        this.wait_for("the Sentinels know all", async |this| {
            for watch in &this.sentinels {
                let primary = watch.facts("MASTER").await?;
                let others = (sentinels - 1).to_string();
                if (fact(&primary, "num-slaves"), fact(&primary, "num-other-sentinels"))
                    != (replicas.to_string().as_str(), others.as_str())
                    || watch.count_in_step().await? != replicas
                {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
        Ok(this)
    }

    /// `redis-sentinel://…`, the same before and after a fail-over.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.sentinels.iter().map(|watch| format!("127.0.0.1:{}", watch.port)).collect();
        format!("redis-sentinel://{}/{NAME}", hosts.join(","))
    }

    /// The servers in the order of their start, the first primary first.
    #[must_use]
    pub fn servers(&self) -> &[Redis] {
        &self.servers
    }

    /// One of the servers, to be killed, paused and restarted.
    pub fn server(&mut self, number: usize) -> &mut Redis {
        &mut self.servers[number]
    }

    /// Which server the Sentinels hold for the primary.
    pub async fn primary(&self) -> Result<usize, Error> {
        let port = ask(self.sentinels[0].port, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).await?.pop();
        let matches = |redis: &Redis| Some(redis.port().to_string()) == port;
        self.servers
            .iter()
            .position(matches)
            .ok_or_else(|| Error::Redis("the Sentinels name none of the servers".into()))
    }

    /// Waits until the Sentinels hold another server than this for the primary, and it takes writes.
    pub async fn wait_for_fail_over(&self, from: usize) -> Result<usize, Error> {
        self.wait_for("another primary", async |this| {
            let primary = this.primary().await?;
            Ok(primary != from
                && this.servers[primary].ask(&["ROLE"]).await?.first().is_some_and(|role| role == "master"))
        })
        .await?;
        self.primary().await
    }

    /// Lets the Sentinels choose another primary although this one lives, and waits for it.
    pub async fn fail_over(&self) -> Result<usize, Error> {
        let before = self.primary().await?;
        ask(self.sentinels[0].port, &["SENTINEL", "FAILOVER", NAME]).await?;
        self.wait_for_fail_over(before).await
    }

    async fn wait_for(&self, what: &str, is_so: impl AsyncFn(&Self) -> Result<bool, Error>) -> Result<(), Error> {
        let limit = Instant::now() + LIMIT;
        while !is_so(self).await? {
            if Instant::now() > limit {
                return Err(Error::Redis(format!("waited {LIMIT:?} in vain: {what}")));
            }
            sleep(POLL).await;
        }
        Ok(())
    }
}

impl Watch {
    async fn start(primary: u16, quorum: usize) -> Result<Self, Error> {
        let mut attempt = 1;
        loop {
            let directory = TempDir::with_prefix("sentinel-").map_err(Error::io("make a directory for a Sentinel"))?;
            let port = free_address()?.port();
            let mut config = format!("port {port}\nbind 127.0.0.1\nprotected-mode no\n");
            let down_after = DOWN_AFTER.as_millis();
            let _infallible = write!(
                config,
                "sentinel monitor {NAME} 127.0.0.1 {primary} {quorum}\nsentinel down-after-milliseconds {NAME} {down_after}\n\
                 sentinel failover-timeout {NAME} 5000\nsentinel parallel-syncs {NAME} 2\n"
            );
            // Sentinels keep what they learn in this file.
            std::fs::write(directory.path().join("sentinel.conf"), config).map_err(Error::io("write sentinel.conf"))?;
            let arguments = ["sentinel.conf".to_owned(), "--sentinel".to_owned()];
            match Process::start(directory.path(), port, &arguments).await {
                Ok(process) => return Ok(Self { _directory: directory, port, _process: process }),
                Err(_) if attempt < PORT_ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    async fn facts(&self, what: &str) -> Result<Vec<String>, Error> {
        ask(self.port, &["SENTINEL", what, NAME]).await
    }

    async fn count_in_step(&self) -> Result<usize, Error> {
        let facts = self.facts("REPLICAS").await?;
        Ok(facts.windows(2).filter(|pair| pair[0] == "master-link-status" && pair[1] == "ok").count())
    }
}

fn fact<'a>(facts: &'a [String], name: &str) -> &'a str {
    facts.chunks_exact(2).find(|pair| pair[0] == name).map_or("", |pair| pair[1].as_str())
}
