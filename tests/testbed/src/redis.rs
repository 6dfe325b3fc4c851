//! A real redis-server, and the ways in which it fails: killed, paused, restarted, and robbed of its last writes.

mod ask;
mod cluster;
mod process;
mod sentinel;
mod tail;
mod trouble;

use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::{Error, free_address};
pub use cluster::RedisCluster;
use process::Process;
pub use sentinel::Sentinel;
use tail::Recorder;

/// Another test may take a port between our looking and Redis's binding.
const PORT_ATTEMPTS: usize = 5;

/// What the server is started with; later entries win. Everything else is as the server has it.
///
/// Rewrites of the append-only file are off, so that a moment in time is one offset in one file.
const DEFAULTS: [(&str, &str); 10] = [
    ("save", ""),
    ("appendonly", "yes"),
    ("appendfsync", "everysec"),
    ("aof-load-truncated", "yes"),
    ("auto-aof-rewrite-percentage", "0"),
    ("maxmemory-policy", "noeviction"),
    ("bind", "127.0.0.1"),
    ("protected-mode", "no"),
    // Replicas get in step at once.
    ("repl-diskless-sync-delay", "0"),
    ("repl-ping-replica-period", "1"),
];

/// How much of the append-only file a power loss takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// What was written in this last stretch of time before the loss, exact to about 5 ms.
    Last(Duration),
    /// This many bytes at the end; the first command that is hit is lost whole.
    Bytes(u64),
}

/// A redis-server on a free port of 127.0.0.1 with its data in a directory of its own.
///
/// It ends when this is dropped, and also when the test's process is killed. Every start keeps port and data.
#[derive(Debug)]
pub struct Redis {
    directory: TempDir,
    options: Vec<(String, String)>,
    port: u16,
    process: Option<Process>,
    recorder: Option<Recorder>,
}

impl Redis {
    /// Starts a durable server: append-only file synced every second, no eviction.
    ///
    /// # Errors
    /// `redis-server` is not on the `PATH`, or does not answer `PING` in time.
    pub async fn start() -> Result<Self, Error> {
        Self::start_with(&[]).await
    }

    /// Like [`Redis::start`], with options of `redis.conf` that add to or replace the usual ones.
    pub async fn start_with(options: &[(&str, &str)]) -> Result<Self, Error> {
        let directory = TempDir::with_prefix("redis-").map_err(Error::io("make a directory for Redis"))?;
        let mut redis = Self { directory, options: trouble::options(options), port: 0, process: None, recorder: None };
        let mut attempt = 1;
        loop {
            redis.port = free_address()?.port();
            match redis.launch().await {
                Err(_) if attempt < PORT_ATTEMPTS => attempt += 1,
                outcome => return outcome.map(|()| redis),
            }
        }
    }

    /// `redis://127.0.0.1:<port>`, the same for all its lives.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its append-only file is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Changes an option for the next start.
    pub fn set_option(&mut self, name: &str, value: &str) {
        self.options.push((name.into(), value.into()));
    }

    /// Ends it with SIGKILL. What it wrote stays: the machine lives on, so this alone loses nothing acknowledged.
    ///
    /// Does nothing when it is not running.
    pub async fn kill(&mut self) -> Result<(), Error> {
        self.recorder = None;
        match self.process.take() {
            Some(process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Starts it again on the same data, killing it first when it runs. Ready when this returns.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill().await?;
        self.launch().await
    }

    /// Freezes it (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) -> Result<(), Error> {
        self.running()?.signal(Signal::SIGSTOP)
    }

    /// Lets a frozen server go on (SIGCONT).
    pub fn resume(&self) -> Result<(), Error> {
        self.running()?.signal(Signal::SIGCONT)
    }

    /// A power loss without the start that follows: kills it and cuts the tail of its append-only file.
    ///
    /// Returns the number of bytes lost. Zero means that nothing was written in that stretch.
    pub async fn cut_power(&mut self, cut: Cut) -> Result<u64, Error> {
        let recorder = self.recorder.take();
        let moment = Instant::now();
        self.kill().await?;
        let Some(file) = tail::file(self.directory.path()) else {
            return Ok(0);
        };
        let written = tail::size(&file)?;
        let kept = match cut {
            Cut::Bytes(count) => written.saturating_sub(count),
            Cut::Last(stretch) => recorder.map_or(written, |recorder| recorder.size_before(&file, moment, stretch)),
        };
        tail::truncate(&file, kept)?;
        Ok(written - kept)
    }

    /// A power loss: [`Redis::cut_power`], then it starts again on what is left.
    pub async fn power_loss(&mut self, cut: Cut) -> Result<u64, Error> {
        let lost = self.cut_power(cut).await?;
        self.launch().await?;
        Ok(lost)
    }

    async fn launch(&mut self) -> Result<(), Error> {
        let mut arguments = vec!["--port".to_owned(), self.port.to_string()];
        for (name, value) in &self.options {
            arguments.extend([format!("--{name}"), value.clone()]);
        }
        self.process = Some(Process::start(self.directory.path(), self.port, &arguments).await?);
        self.recorder = Some(Recorder::start(self.directory.path().to_owned()));
        Ok(())
    }

    fn running(&self) -> Result<&Process, Error> {
        self.process.as_ref().ok_or_else(|| Error::Redis("it is not running: call restart() first".into()))
    }
}
