//! The chain as a process of the operating system.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::{Account, Flags};
use crate::{Error, Genesis, chain_binary};

/// A start takes below a second; a loaded machine may take its time.
const START_LIMIT: Duration = Duration::from_mins(1);
/// A clean stop takes 100 ms. After this it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The node, with the ends of its pipes that it needs to live.
#[derive(Debug)]
pub(super) struct Process {
    /// Standard input stays open inside: the node stops when it ends. The child is killed on drop.
    child: Child,
    /// Kept so that a late line does not meet a closed pipe.
    _output: Lines<BufReader<ChildStdout>>,
}

/// The line that the node prints once the first block of its run is committed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ready {
    pub(super) rpc: String,
    pub(super) grpc: String,
    pub(super) control: String,
    pub(super) chain_id: String,
}

/// What `init` prints: who is who in the genesis.
#[derive(Debug, Deserialize)]
pub(super) struct Initial {
    pub(super) accounts: Vec<Account>,
    pub(super) gov_address: String,
}

/// Writes keys and genesis under `home`.
pub(super) async fn init(home: &Path, genesis: &Genesis) -> Result<Initial, Error> {
    let path = home.join("genesis-spec.json"); // JSON is YAML
    tokio::fs::write(&path, genesis.specification().to_string()).await.map_err(Error::io("write the genesis spec"))?;
    let mut command = Command::new(chain_binary().await?);
    command.args(["init", "--home"]).arg(chain_home(home)).arg("--genesis-spec").arg(&path);
    let output = command.stdin(Stdio::null()).output().await.map_err(Error::io("run chain-testbed init"))?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(Error::Chain { command: "init", reason });
    }
    serde_json::from_slice(&output.stdout).map_err(|error| Error::malformed("chain-testbed init", error))
}

fn chain_home(home: &Path) -> PathBuf {
    home.join("chain")
}

impl Process {
    /// Starts the node; with `ports` of an earlier run it listens where that one did.
    pub(super) async fn start(
        home: &Path,
        on_disk: bool,
        flags: &Flags,
        ports: Option<&Ready>,
    ) -> Result<(Self, Ready), Error> {
        let log = home.join("node.log");
        let stderr = std::fs::File::create(&log).map_err(Error::io("create the node's log"))?;
        let mut command = Command::new(chain_binary().await?);
        command.args(["start", "--stdin-guard", "--home"]).arg(chain_home(home));
        command.args(arguments(on_disk, flags, ports));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        let mut child = command.spawn().map_err(Error::io("run chain-testbed start"))?;
        let failed = |reason| Error::Chain { command: "start", reason };

        let stdout = child.stdout.take().ok_or_else(|| failed("no standard output".into()))?;
        let mut output = BufReader::new(stdout).lines();
        match tokio::time::timeout(START_LIMIT, output.next_line()).await {
            Ok(Ok(Some(line))) => {
                let ready =
                    serde_json::from_str(&line).map_err(|error| Error::malformed("chain-testbed start", error))?;
                Ok((Self { child, _output: output }, ready))
            }
            Ok(_) => Err(failed(std::fs::read_to_string(&log).unwrap_or_default().trim().to_owned())),
            Err(_) => Err(failed(format!("no block in {START_LIMIT:?}"))),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks the node to end and waits for it; kills it when it takes too long.
    pub(super) async fn stop(mut self) -> Result<(), Error> {
        let Some(pid) = self.child.id().and_then(|pid| i32::try_from(pid).ok()) else {
            return Ok(());
        };
        let asked = kill(Pid::from_raw(pid), Signal::SIGTERM);
        if asked.is_ok() && tokio::time::timeout(STOP_LIMIT, self.child.wait()).await.is_ok() {
            return Ok(());
        }
        self.kill().await
    }

    /// Ends the node at once.
    pub(super) async fn kill(mut self) -> Result<(), Error> {
        self.child.kill().await.map_err(Error::io("kill the chain"))
    }
}

fn arguments(on_disk: bool, flags: &Flags, ports: Option<&Ready>) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut flag = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            arguments.extend([format!("--{name}"), value]);
        }
    };
    let address = |url: &str| url.trim_start_matches("http://").to_owned();
    flag("rpc", ports.map(|ready| address(&ready.rpc)));
    flag("grpc", ports.map(|ready| address(&ready.grpc)));
    flag("control", ports.map(|ready| address(&ready.control)));
    flag("block-time", flags.block_time.map(|pace| format!("{}ms", pace.as_millis())));
    flag("mempool-txs", flags.mempool_txs.map(|count| count.to_string()));
    flag("max-tx-bytes", flags.max_tx_bytes.map(|bytes| bytes.to_string()));
    flag("min-gas-prices", flags.min_gas_prices.clone());
    if flags.paused {
        arguments.push("--paused".into());
    }
    if !on_disk {
        arguments.push("--memory".into());
    }
    arguments
}
