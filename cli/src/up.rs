use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use operator::local::{Event, Options, up};
use relay_core::config::Period;
use relay_core::telemetry::{LogConfig, LogFormat};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;
use crate::stop;

/// Lines waiting to be printed. Whoever makes more waits.
const EVENTS: usize = 256;

/// Run a fleet on this machine: the processes that the resources of a folder describe.
///
/// Ctrl-C or SIGTERM ends it: relayers drain, then miners hand over. Its processes end with it in any case. One line says
/// when all of them are ready and where relays can be sent.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder with MinerPool, RelayerPool, Supplier and Secret, or one such file.
    #[arg(short = 'f', long = "file", value_name = "DIR")]
    folder: PathBuf,
    /// Where keys, configurations and logs go; readable by you only. Default: `.pocket` in the folder.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Where the first relayer listens; others take the ports above. Port 0 takes free ports.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    relayer_listen: SocketAddr,
    /// The log level of the processes, as `info` or `info,relayer=debug`.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    log_level: String,
    /// The least time between two lines about the work.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    status_every: Period,
    /// How lines are printed.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Run this shell command once all processes are ready, with the relayers' URLs in POCKET_RELAYERS; end when it ends,
    /// with failure if it fails.
    #[arg(long, value_name = "COMMAND")]
    once_ready: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Output {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Where `up` keeps its state unless told otherwise.
pub(crate) fn state_folder(folder: &Path) -> PathBuf {
    let parent = if folder.is_file() { folder.parent().unwrap_or(Path::new(".")) } else { folder };
    parent.join(".pocket")
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let stop = stop::on_signal()?;
    let options = Options {
        state_folder: arguments.state_dir.clone().unwrap_or_else(|| state_folder(&arguments.folder)),
        folder: arguments.folder,
        relayer_listen: arguments.relayer_listen,
        logs: LogConfig { level: arguments.log_level, format: LogFormat::Text },
        status_every: Duration::from(arguments.status_every),
        program: std::env::current_exe()?,
    };
    let (events, received) = mpsc::channel(EVENTS);
    let printer = tokio::spawn(print(received, arguments.output, arguments.once_ready, stop.clone()));
    up(&options, events, stop).await?;
    printer.await?
}

/// Prints until the fleet has ended, and runs the command of `--once-ready`.
async fn print(
    mut events: mpsc::Receiver<Event>,
    output: Output,
    mut once_ready: Option<String>,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let mut command = None;
    while let Some(event) = events.recv().await {
        let line = match output {
            Output::Text => event.to_string(),
            Output::Json => serde_json::to_string(&event)?,
        };
        // A closed pipe, as after `| head`, must not end the fleet.
        let _ = writeln!(std::io::stdout(), "{line}");
        if let Event::FleetReady { relayers } = &event
            && let Some(text) = once_ready.take()
        {
            command = Some(tokio::spawn(once(text, relayers.join(" "), stop.clone())));
        }
    }
    match command {
        Some(command) => command.await?,
        None => Ok(()),
    }
}

async fn once(command: String, relayers: String, stop: CancellationToken) -> Result<(), Failure> {
    let mut shell = tokio::process::Command::new("/bin/sh");
    shell.args(["-c", &command]).env("POCKET_RELAYERS", relayers).stdin(Stdio::null()).kill_on_drop(true);
    let outcome = tokio::select! {
        status = shell.status() => match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the command of --once-ready failed: {status}").into()),
            Err(error) => Err(format!("the command of --once-ready cannot be run: {error}").into()),
        },
        () = stop.cancelled() => Ok(()),
    };
    stop.cancel();
    outcome
}
