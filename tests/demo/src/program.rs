//! The program under demonstration, run as a user runs it.

use std::process::Stdio;

use tokio::process::Command;

use crate::Error;

/// A command line of `pocket-relay-miner`, which lies beside this program.
pub(crate) fn command(arguments: &[String]) -> Result<Command, Error> {
    let this = std::env::current_exe().map_err(Error::io("find this program"))?;
    let mut command = Command::new(this.with_file_name("pocket-relay-miner"));
    command.args(arguments).kill_on_drop(true);
    Ok(command)
}

/// Runs a command line to its end, with its output shown.
pub(crate) async fn run(arguments: &[String]) -> Result<(), Error> {
    let status = command(arguments)?.status().await.map_err(Error::io("run pocket-relay-miner"))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Program { command: arguments.first().cloned().unwrap_or_default(), status })
}

/// Whether a command line ends with success; its output is not shown.
pub(crate) async fn succeeds(arguments: &[String]) -> Result<bool, Error> {
    let mut command = command(arguments)?;
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().await.map_err(Error::io("run pocket-relay-miner"))?.success())
}

/// What a command line prints; its errors are shown.
pub(crate) async fn output(arguments: &[String]) -> Result<String, Error> {
    let mut command = command(arguments)?;
    let output = command.stderr(Stdio::inherit()).output().await.map_err(Error::io("run pocket-relay-miner"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let command = arguments.first().cloned().unwrap_or_default();
    Err(Error::Program { command, status: output.status })
}
