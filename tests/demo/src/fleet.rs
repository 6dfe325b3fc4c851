//! The fleet, as `pocket-relay-miner up` runs it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::Child;

use crate::{Error, program, say};

/// An orderly stop hands suppliers over and drains; after this it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A running `pocket-relay-miner up`.
pub(crate) struct Fleet {
    process: Child,
    folder: TempDir,
    log: PathBuf,
}

impl Fleet {
    /// Starts the fleet that the folder describes. Its output goes to a file beside the manifests.
    pub(crate) async fn up(folder: TempDir) -> Result<Self, Error> {
        let log = folder.path().join("up.log");
        let output = std::fs::File::create(&log).map_err(Error::io("create the fleet's log"))?;
        let errors = output.try_clone().map_err(Error::io("create the fleet's log"))?;
        let directory = folder.path().to_string_lossy().into_owned();
        let process = program::command(&["up", "-f", &directory])?
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(Error::io("run pocket-relay-miner up"))?;
        say(&format!("pocket-relay-miner up -f {directory}   (its log: {})", log.display()));
        Ok(Self { process, folder, log })
    }

    /// The table of suppliers.
    pub(crate) async fn show_suppliers(&self) -> Result<(), Error> {
        program::run(&["get", "suppliers", "-f", &self.folder.path().to_string_lossy()]).await
    }

    /// Whether it still runs; its log is the reason when not.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        let Some(status) = self.process.try_wait().map_err(Error::io("look at pocket-relay-miner up"))? else {
            return Ok(());
        };
        eprintln!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        Err(Error::Program { command: "up".into(), status })
    }

    /// Stops it in an orderly way.
    pub(crate) async fn down(mut self) -> Result<(), Error> {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid
            && kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok()
            && tokio::time::timeout(STOP_LIMIT, self.process.wait()).await.is_ok()
        {
            return Ok(());
        }
        self.process.kill().await.map_err(Error::io("kill pocket-relay-miner up"))
    }
}
