//! The server as a process of the operating system, under a guard that outlives neither side.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, sleep, timeout};

use crate::Error;

/// A start takes 20 ms; loading a large append-only file on a busy machine takes longer.
const START_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(10);
const PING_LIMIT: Duration = Duration::from_secs(1);

/// A shell that starts the server, says its pid, and kills it as soon as standard input ends: when the handle is
/// dropped, and also when the test's process is killed and the kernel closes the pipe.
const GUARD: &str = r#"redis-server "$@" </dev/null >redis.log 2>&1 & echo $!; cat >/dev/null; kill -9 $!; wait"#;

/// A running server.
#[derive(Debug)]
pub(super) struct Process {
    pid: Pid,
    guard: Child,
    /// The guard waits for the end of this.
    lifeline: Option<ChildStdin>,
}

impl Process {
    /// Starts the server in `directory` and waits until it answers.
    pub(super) async fn start(directory: &Path, port: u16, arguments: &[String]) -> Result<Self, Error> {
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "redis-guard"]).args(arguments);
        command.current_dir(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut guard = command.spawn().map_err(Error::io("run redis-server"))?;
        let lifeline = guard.stdin.take();
        let pid = read_pid(&mut guard).await?;
        let process = Self { pid, guard, lifeline };
        process.wait_until_ready(directory, port).await?;
        Ok(process)
    }

    pub(super) fn signal(&self, signal: Signal) -> Result<(), Error> {
        kill(self.pid, signal).map_err(|errno| Error::Redis(format!("send {signal} to process {}: {errno}", self.pid)))
    }

    /// Ends it at once and waits until it is gone.
    pub(super) async fn kill(mut self) -> Result<(), Error> {
        // It may have ended by itself; the guard then has nothing left to kill.
        let _gone = self.signal(Signal::SIGKILL);
        self.lifeline = None;
        self.guard.wait().await.map(|_| ()).map_err(Error::io("wait for redis-server"))
    }

    async fn wait_until_ready(&self, directory: &Path, port: u16) -> Result<(), Error> {
        let limit = Instant::now() + START_LIMIT;
        loop {
            if matches!(timeout(PING_LIMIT, ping(port)).await, Ok(Ok(true))) && self.is_alive() {
                return Ok(());
            }
            let log = || std::fs::read_to_string(directory.join("redis.log")).unwrap_or_default();
            if !self.is_alive() {
                return Err(Error::Redis(format!("redis-server ended at once:\n{}", log().trim())));
            }
            if Instant::now() > limit {
                return Err(Error::Redis(format!("no answer to PING in {START_LIMIT:?}:\n{}", log().trim())));
            }
            sleep(POLL).await;
        }
    }

    /// A server that ended stays a zombie until its guard ends, so its pid alone says little.
    fn is_alive(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/stat", self.pid))
            .is_ok_and(|stat| stat.rsplit(')').next().is_some_and(|state| !state.trim_start().starts_with('Z')))
    }
}

async fn read_pid(guard: &mut Child) -> Result<Pid, Error> {
    let stdout = guard.stdout.take().ok_or_else(|| Error::Redis("its guard has no standard output".into()))?;
    let line = BufReader::new(stdout).lines().next_line().await.map_err(Error::io("read the pid of redis-server"))?;
    line.and_then(|text| text.trim().parse().ok())
        .map(Pid::from_raw)
        .ok_or_else(|| Error::Redis("its guard said no pid".into()))
}

async fn ping(port: u16) -> std::io::Result<bool> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    connection.read_exact(&mut answer).await?;
    // A server with a password serves too; it only does not know us.
    Ok(matches!(&answer, b"+PONG" | b"-NOAU"))
}
