use std::path::PathBuf;

use ::miner::config::Loaded;
use ::miner::config::reference::Overrides;
use relay_core::config::{ConfigError, UnknownKeys};
use relay_core::telemetry::install_logs;

use crate::failure::Failure;
use crate::{stop, validate};

/// Run one miner: it turns recorded relays into settled claims.
///
/// `up` starts miners by itself; run one by hand where something else supervises it. The file may also be one of the network's
/// Go relay miner. SIGTERM hands its suppliers over to other miners; a second one ends it at once.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    source: Source,
    /// End, as on SIGTERM, when the standard input ends.
    #[arg(long)]
    until_input_ends: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Validate(validate::miner::Arguments),
}

/// Where the configuration comes from. The flags after the first two are those of the Go relay miner and win over the file.
#[derive(Debug, clap::Args)]
pub(crate) struct Source {
    /// The configuration file. Without one, a file of the Go relay miner that says nothing.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Pass over unknown keys, with a warning, instead of refusing them.
    #[arg(long)]
    lenient: bool,
    /// Use the keys of this list file; with any of these flags the file's sources of keys do not count.
    #[arg(long, value_name = "FILE")]
    keys_file: Option<PathBuf>,
    /// Use the keys of this directory.
    #[arg(long, value_name = "DIR")]
    keys_dir: Option<PathBuf>,
    /// Use the keys of a keyring: `test`, or `file` with the passphrase in POCKET_KEYRING_PASSPHRASE.
    #[arg(long, value_name = "BACKEND")]
    keyring_backend: Option<String>,
    /// The directory that the keyring is in. Default: .pocket in the home directory.
    #[arg(long, value_name = "DIR")]
    keyring_dir: Option<PathBuf>,
    /// Use this Redis.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// How logs and status call the miner.
    #[arg(long, value_name = "NAME")]
    consumer_name: Option<String>,
    /// Whether to follow changes of the keys.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    hot_reload: Option<bool>,
    /// Has no effect: nothing that can still earn expires.
    #[arg(long, value_name = "TIME")]
    session_ttl: Option<String>,
}

impl Source {
    pub(crate) fn read(&self) -> Result<Loaded, ConfigError> {
        let unknown = if self.lenient { UnknownKeys::PassedOver } else { UnknownKeys::Refused };
        let overrides = Overrides {
            keys_file: self.keys_file.clone(),
            keys_dir: self.keys_dir.clone(),
            keyring_backend: self.keyring_backend.clone(),
            keyring_dir: self.keyring_dir.clone(),
            redis_url: self.redis_url.clone(),
            consumer_name: self.consumer_name.clone(),
            hot_reload: self.hot_reload,
            session_ttl: self.session_ttl.clone(),
        };
        match &self.config {
            Some(file) => Loaded::read(file, unknown, &overrides),
            // One key that decides about the layout, and nothing else.
            None => Loaded::read_text("pocket_node: {}\n", "command line", unknown, &overrides),
        }
    }

    pub(crate) fn name(&self) -> String {
        self.config.as_ref().map_or_else(|| "command line".to_owned(), |file| file.display().to_string())
    }
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    if let Some(Command::Validate(arguments)) = arguments.command {
        return validate::miner::run(arguments).await;
    }
    let loaded = arguments.source.read()?;
    let stop = if arguments.until_input_ends { stop::on_signal_or_end_of_input() } else { stop::on_signal() }?;
    install_logs(&loaded.config.logs)?;
    loaded.log();
    let miner = ::miner::Miner::bind(loaded.config, Some(loaded.hash)).await?;
    let board = miner.board();
    stop::last_words(move || format!("{} suppliers are not handed over", board.suppliers()));
    // On the heap: it is as large as everything that a miner does.
    Ok(Box::pin(miner.serve(stop)).await?)
}
