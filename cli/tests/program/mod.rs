//! The program as a user runs it.

use std::path::Path;
use std::process::{Command, Output};

/// A command line, with nothing of the surrounding environment that it would read.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pocket-relay-miner"));
    command.args(arguments).env_remove("POCKET_APPLICATION_KEY").env_remove("POCKET_GATEWAY_KEY");
    command
}

/// Runs it to its end.
#[allow(dead_code, reason = "not every test file runs something to its end")]
pub(crate) fn run(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// What it printed.
#[allow(dead_code, reason = "not every test file reads both")]
pub(crate) fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it complained about.
#[allow(dead_code, reason = "not every test file reads both")]
pub(crate) fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder of this repository.
#[allow(dead_code, reason = "not every test file uses examples")]
pub(crate) fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).display().to_string()
}
