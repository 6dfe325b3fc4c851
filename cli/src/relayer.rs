use std::path::PathBuf;

use relay_core::telemetry::install_logs;

use crate::failure::Failure;
use crate::stop;

/// Run one relayer: it verifies, serves, signs and records relays.
///
/// `up` starts relayers by itself; run one by hand where something else supervises it. SIGTERM drains: no relay that was
/// answered is lost.
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
    let config = ::relayer::Config::load(&arguments.config)?;
    let stop = if arguments.until_input_ends { stop::on_signal_or_end_of_input() } else { stop::on_signal() }?;
    install_logs(&config.logs)?;
    ::relayer::run(config, stop).await?;
    Ok(())
}
