//! A real Kubernetes control plane on loopback: etcd, API server, controllers and scheduler, with nodes on which pods only seem
//! to run.

mod audit;
mod settings;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{Error, kubernetes_binary};

pub use audit::AuditEvent;
pub use settings::KubernetesSettings;

/// A start takes some seconds; a loaded machine may take its time.
const START_LIMIT: Duration = Duration::from_mins(3);
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// A control plane. It ends with this handle, and also when the test process is killed.
#[derive(Debug)]
pub struct Kubernetes {
    /// Its standard input stays open inside: everything stops, and its files go, when that ends.
    child: Child,
    folder: PathBuf,
    ready: Ready,
}

/// The line that is printed when everything is there.
#[derive(Debug, Deserialize)]
struct Ready {
    kubeconfig: PathBuf,
    server: String,
}

impl Kubernetes {
    /// Starts a control plane and waits until it can be used.
    pub async fn start(settings: KubernetesSettings) -> Result<Self, Error> {
        let binary = kubernetes_binary().await?;
        // The process removes it itself, because it outlives a test that is killed.
        let folder = tempfile::Builder::new().prefix("k8s-").tempdir().map_err(Error::io("make a folder"))?.keep();
        let log = folder.join("up.log");
        let stderr = std::fs::File::create(&log).map_err(Error::io("create the cluster's log"))?;
        let mut command = Command::new(binary);
        command.args(["up", "--until-stdin-closes", "--remove", "--dir"]).arg(&folder);
        command.args(settings.arguments(&folder)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::io("run kubernetes-testbed up"))?;

        let stdout = child.stdout.take().ok_or_else(|| Error::Kubernetes("no standard output".into()))?;
        let mut output = BufReader::new(stdout).lines();
        match tokio::time::timeout(START_LIMIT, output.next_line()).await {
            Ok(Ok(Some(line))) => {
                let ready =
                    serde_json::from_str(&line).map_err(|error| Error::malformed("kubernetes-testbed up", error))?;
                Ok(Self { child, folder, ready })
            }
            Ok(_) => Err(Error::Kubernetes(std::fs::read_to_string(&log).unwrap_or_default().trim().to_owned())),
            Err(_) => Err(Error::Kubernetes(format!("not ready within {START_LIMIT:?}"))),
        }
    }

    /// A kubeconfig with the rights of an administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.ready.kubeconfig
    }

    /// URL of the API server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.ready.server
    }

    /// Where its files are: `pki/`, `log/`, the kubeconfig.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs kubectl, which is part of the program, and gives its standard output.
    pub async fn kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        let mut command = Command::new(kubernetes_binary().await?);
        command.arg("kubectl").arg("--kubeconfig").arg(self.kubeconfig()).args(arguments);
        let output = command.stdin(Stdio::null()).output().await.map_err(Error::io("run kubectl"))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Error::Kubernetes(format!("kubectl {}: {reason}", arguments.join(" "))))
        }
    }

    /// What the API server was asked so far, oldest first. Needs [`KubernetesSettings::audit`].
    pub async fn audit(&self) -> Result<Vec<AuditEvent>, Error> {
        audit::read(&self.folder).await
    }

    /// Ends everything and waits for it.
    pub async fn stop(mut self) -> Result<(), Error> {
        let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) else { return Ok(()) };
        let asked = kill(Pid::from_raw(pid), Signal::SIGTERM);
        if asked.is_ok() && tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.is_ok() {
            return Ok(());
        }
        self.child.kill().await.map_err(Error::io("kill the cluster"))
    }
}

impl Drop for Kubernetes {
    /// Asks rather than kills, so that the files go as well.
    fn drop(&mut self) {
        if let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
            let until = std::time::Instant::now() + STOP_LIMIT;
            while matches!(self.child.try_wait(), Ok(None)) && std::time::Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
