use clap::{Parser, Subcommand};

use crate::crds;

/// Runs a fleet of relayers and miners for suppliers on Pocket Network.
#[derive(Debug, Parser)]
#[command(name = "pocket-relay-miner", version, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Crds(crds::Arguments),
}
