//! The fleet, as `pocket-relay-miner up` runs it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::Child;

use crate::{Error, program, say};

/// An orderly stop hands suppliers over and drains; after this it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How long the table may lag behind the chain.
const TABLE_LIMIT: Duration = Duration::from_secs(15);

/// A running `pocket-relay-miner up`.
pub(crate) struct Fleet {
    process: Child,
    folder: TempDir,
    log: PathBuf,
    relayer: SocketAddr,
}

impl Fleet {
    /// Starts the fleet that the folder describes. Its output goes to a file beside the manifests.
    pub(crate) fn up(folder: TempDir) -> Result<Self, Error> {
        let log = folder.path().join("up.log");
        let output = std::fs::File::create(&log).map_err(Error::io("create the fleet's log"))?;
        let errors = output.try_clone().map_err(Error::io("create the fleet's log"))?;
        let directory = folder.path().to_string_lossy().into_owned();
        let relayer = testbed::free_address()?;
        let process =
            program::command(&["up", "-f", &directory, "--relayer-listen", &relayer.to_string()].map(str::to_owned))?
                .stdin(Stdio::null())
                .stdout(output)
                .stderr(errors)
                .spawn()
                .map_err(Error::io("run pocket-relay-miner up"))?;
        say(&format!("pocket-relay-miner up -f {directory}   (its log: {})", log.display()));
        Ok(Self { process, folder, log, relayer })
    }

    /// Where the relayer listens.
    pub(crate) fn relayer_url(&self) -> String {
        format!("http://{}", self.relayer)
    }

    /// Shows the table of suppliers, as soon as the miners have seen what the chain has settled.
    pub(crate) async fn show_suppliers(&self) -> Result<(), Error> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let arguments = ["get", "suppliers", "-f", &folder].map(str::to_owned);
        let began = Instant::now();
        loop {
            let table = program::output(&arguments).await?;
            // A miner reads settlements from the block after theirs.
            let behind = table.lines().any(|line| line.split_whitespace().any(|cell| cell == "0upokt"));
            if !behind || began.elapsed() > TABLE_LIMIT {
                print!("{table}");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Shows what the fleet has logged, to explain a failure.
    pub(crate) fn show_log(&self) {
        eprintln!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// Whether it still runs; its log is the reason when not.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        let Some(status) = self.process.try_wait().map_err(Error::io("look at pocket-relay-miner up"))? else {
            return Ok(());
        };
        self.show_log();
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
