//! One binary, one sub-command for each role.

mod command;
mod crds;
mod failure;
mod get;
mod miner;
mod relay;
mod relayer;
mod runtime;
mod stop;
mod up;
mod validate;
mod version;

use std::process::ExitCode;

use clap::Parser;
use command::{Arguments, Command, Get, Relay};

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(arguments) => runtime::block_on(up::run(arguments)),
        Command::Get(Get::Suppliers(arguments)) => runtime::block_on(get::suppliers(arguments)),
        Command::Relayer(arguments) => runtime::block_on(relayer::run(arguments)),
        Command::Miner(arguments) => runtime::block_on(miner::run(arguments)),
        Command::Relay(Relay::Jsonrpc(arguments)) => runtime::block_on(relay::run(arguments)),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Crds(arguments) => crds::run(&arguments),
        Command::Version(arguments) => version::run(&arguments),
    };
    failure::exit_code(outcome)
}
