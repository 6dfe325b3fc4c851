use clap::{Parser, Subcommand};

use crate::{crds, get, miner, relay, relayer, up, validate, version};

/// Runs a fleet of relayers and miners for suppliers on Pocket Network.
///
/// Describe the fleet with MinerPool, RelayerPool and Supplier in YAML files (see examples/quickstart), then
///
///   pocket-relay-miner validate -f DIR        is everything right?
///   pocket-relay-miner up -f DIR              run it on this machine
///   pocket-relay-miner get suppliers -f DIR   ready? staked? funded? what was earned?
///
/// The same files run in a cluster.
#[derive(Debug, Parser)]
#[command(name = "pocket-relay-miner", version, verbatim_doc_comment)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Up(up::Arguments),
    /// Show what a folder describes and how it is doing.
    #[command(subcommand)]
    Get(Get),
    Relayer(relayer::Arguments),
    Miner(miner::Arguments),
    /// Send relays as an application or gateway does.
    #[command(subcommand)]
    Relay(Relay),
    Validate(validate::Arguments),
    Crds(crds::Arguments),
    Version(version::Arguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Get {
    #[command(visible_aliases = ["supplier", "sup"])]
    Suppliers(get::Arguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Relay {
    Jsonrpc(relay::Arguments),
}
