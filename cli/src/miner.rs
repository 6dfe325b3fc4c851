use std::path::PathBuf;

use ::miner::config::Loaded;
use relay_core::telemetry::install_logs;

use crate::failure::Failure;
use crate::stop;

/// Run one miner: it turns recorded relays into settled claims.
///
/// `up` starts miners by itself; run one by hand where something else supervises it. SIGTERM hands its suppliers
/// over to other miners.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// End, as on SIGTERM, when the standard input ends.
    #[arg(long)]
    until_input_ends: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let loaded = Loaded::read(&arguments.config)?;
    let stop = if arguments.until_input_ends { stop::on_signal_or_end_of_input() } else { stop::on_signal() }?;
    install_logs(&loaded.config.logs)?;
    let miner = ::miner::Miner::bind(loaded.config, Some(loaded.hash)).await?;
    let board = miner.board();
    stop::last_words(move || format!("{} suppliers are not handed over", board.suppliers()));
    Ok(miner.serve(stop).await?)
}
