use std::path::PathBuf;

use ::relayer::config::UnknownKeys;
use relay_core::telemetry::install_logs;

use crate::failure::Failure;
use crate::stop;

/// Run one relayer: it verifies, serves, signs and records relays.
///
/// `up` starts relayers by itself; run one by hand where something else supervises it. SIGTERM drains: no relay that was
/// answered is lost. SIGHUP makes it look for changes of its configuration and keys at once, instead of within 2 s.
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
    let (loaded, file) = ::relayer::ConfigFile::load(&arguments.config, UnknownKeys::Refused)?;
    let config = loaded.config;
    let stop = if arguments.until_input_ends { stop::on_signal_or_end_of_input() } else { stop::on_signal() }?;
    install_logs(&config.logs)?;
    let relayer = ::relayer::Relayer::bind(config, Some(file)).await?;
    let unfinished = relayer.unfinished();
    stop::last_words(move || unfinished.to_string());
    relayer.serve(stop).await?;
    Ok(())
}
