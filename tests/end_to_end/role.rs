//! One role of the program as a process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use serde_json::Value;
use testbed::free_address;
use tokio::process::{Child, Command};

/// Lines of a log that a failed test shows.
const LINES_SHOWN: usize = 60;

/// A running miner or relayer. Killed when dropped.
pub(crate) struct Role {
    process: Child,
    /// It was killed or asked to end.
    dismissed: bool,
    command: &'static str,
    config: PathBuf,
    log: PathBuf,
    admin: SocketAddr,
}

impl Role {
    /// Writes the configuration and starts the process. `command` is the sub-command, `name` also names the files.
    pub(crate) fn start(folder: &Path, command: &'static str, name: &str, mut config: Value) -> Self {
        let admin = free_address().unwrap();
        config["name"] = name.into();
        config["admin"] = admin.to_string().into();
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(&path, config.to_string()).unwrap(); // JSON is YAML
        let log = folder.join(format!("{name}.log"));
        Self { process: spawn(command, &path, &log), dismissed: false, command, config: path, log, admin }
    }

    /// Ends the process as a crash would.
    pub(crate) async fn kill(&mut self) {
        self.dismissed = true;
        self.process.kill().await.unwrap();
    }

    /// Asks it to end (SIGTERM).
    pub(crate) fn stop(&mut self) {
        self.dismissed = true;
        self.signal(Signal::SIGTERM);
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Freezes it (SIGSTOP), or lets it go on (SIGCONT).
    pub(crate) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.process.id().unwrap()).unwrap();
        nix::sys::signal::kill(Pid::from_raw(id), signal).unwrap();
    }

    /// How it ended, if it did without being killed or asked to.
    pub(crate) fn ended_by_itself(&mut self) -> Option<String> {
        let status = (!self.dismissed).then(|| self.process.try_wait().unwrap())??;
        Some(format!(
            "{} ended with {status}:\n{}",
            self.log.display(),
            self.log_text().lines().last().unwrap_or_default()
        ))
    }

    /// Starts it again after [`Role::kill`], with the same configuration.
    pub(crate) fn start_again(&mut self) {
        self.process = spawn(self.command, &self.config, &self.log);
        self.dismissed = false;
    }

    /// Waits until the process calls itself ready.
    pub(crate) async fn ready(&mut self) {
        let began = Instant::now();
        while self.get("/ready").await.is_none_or(|(status, _)| status != 200) {
            if let Some(status) = self.process.try_wait().unwrap() {
                panic!("{} ended with {status}:\n{}", self.command, self.log_text());
            }
            assert!(began.elapsed() < Duration::from_mins(1), "not ready:\n{}", self.log_text());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What `/status` says; null while nobody answers.
    pub(crate) async fn status(&self) -> Value {
        self.get("/status").await.map(|(_, body)| serde_json::from_slice(&body).unwrap()).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Option<(u16, Bytes)> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.get(format!("http://{}{path}", self.admin).parse().unwrap()).await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.into_body().collect().await.ok()?.to_bytes()))
    }

    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Role {
    /// What the process had to say explains a failed test better than the test can.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.log_text();
            let lines: Vec<_> = text.lines().collect();
            eprintln!("--- end of {}", self.log.display());
            lines[lines.len().saturating_sub(LINES_SHOWN)..].iter().for_each(|line| eprintln!("{line}"));
        }
    }
}

fn spawn(command: &str, config: &Path, log: &Path) -> Child {
    let output = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    Command::new(env!("CARGO_BIN_EXE_pocket-relay-miner"))
        .args([command, "--until-input-ends", "--config"])
        .arg(config)
        .stdin(Stdio::piped()) // a role outlives no test: it ends with its input
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
