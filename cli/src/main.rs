//! One binary, one sub-command for each role.

mod command;
mod crds;
mod failure;

use std::process::ExitCode;

use clap::Parser;
use command::{Arguments, Command};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Crds(arguments) => crds::run(&arguments),
    };
    failure::exit_code(outcome)
}
