use std::path::PathBuf;

use ::relayer::config::UnknownKeys;
use relay_core::telemetry::install_logs;

use crate::failure::Failure;
use crate::{stop, validate};

/// Run one relayer: it verifies, serves, signs and records relays.
///
/// `up` starts relayers by itself; run one by hand where something else supervises it. SIGTERM drains: no relay that was
/// answered is lost. SIGHUP makes it look for changes of its configuration and keys at once, instead of within 2 s. The
/// file may also be one of the network's Go relay miner.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The configuration file.
    #[arg(long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Pass over unknown keys, with a warning, instead of refusing them.
    #[arg(long)]
    lenient: bool,
    /// Use this Redis instead of the one in the file.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// End, as on SIGTERM, when the standard input ends.
    #[arg(long)]
    until_input_ends: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Validate(validate::relayer::Arguments),
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Some(Command::Validate(arguments)) = arguments.command {
        return validate::relayer::run(arguments).await;
    }
    let unknown = if arguments.lenient { UnknownKeys::PassedOver } else { UnknownKeys::Refused };
    let (mut loaded, file) = ::relayer::ConfigFile::load(&arguments.config.unwrap_or_default(), unknown)?;
    if let Some(url) = arguments.redis_url {
        loaded.config.redis.url = url;
        loaded.config.check()?;
    }
    let stop = if arguments.until_input_ends { stop::on_signal_or_end_of_input() } else { stop::on_signal() }?;
    install_logs(&loaded.config.logs)?;
    loaded.log();
    let relayer = ::relayer::Relayer::bind(loaded.config, Some(file)).await?;
    let unfinished = relayer.unfinished();
    stop::last_words(move || unfinished.to_string());
    relayer.serve(stop).await?;
    Ok(())
}
