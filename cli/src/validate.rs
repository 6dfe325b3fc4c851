pub(crate) mod miner;
pub(crate) mod relayer;
mod report;

use std::path::{Path, PathBuf};

use operator::build::{Site, build};
use operator::local::dereference;

use ::miner::config::reference::Overrides;
use ::relayer::config::UnknownKeys;

use crate::failure::Failure;

/// Check folders of resources and configuration files, without running anything.
///
/// Every problem is printed with file and line; the exit code is 0 only if there is none. `relayer validate` and `miner validate`
/// look closer at the configuration of a role.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(crate) struct Arguments {
    /// Resources or configuration files, recognised by what they hold.
    #[arg(value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// A folder with MinerPool, RelayerPool, Supplier and Secret, or one such file.
    #[arg(short = 'f', long = "file", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A configuration file of a relayer or miner. Whoever has `services` is a relayer.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(file) = &arguments.config {
        config(file)?;
    }
    if let Some(path) = &arguments.folder {
        folder(path)?;
    }
    let mut problems = Vec::new();
    for path in &arguments.paths {
        let outcome = if path.is_dir() || is_resource(path) { folder(path) } else { config(path) };
        problems.extend(outcome.err().map(|problem| problem.to_string()));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n").into()) }
}

/// Resources say what they are.
fn is_resource(file: &Path) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| line.starts_with("apiVersion:")))
}

fn folder(folder: &Path) -> Result<(), Failure> {
    let fleet = dereference::fleet(folder)?;
    build(&fleet, &Site::imaginary(&fleet))?;
    println!(
        "{}: good: {} miner pools, {} relayers, {} processes in all, {} suppliers",
        folder.display(),
        fleet.pools.len(),
        fleet.relayers(),
        fleet.processes(),
        fleet.suppliers().count()
    );
    Ok(())
}

fn config(file: &Path) -> Result<(), Failure> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if text.lines().any(|line| line.starts_with("services:")) {
        let loaded = ::relayer::Config::read(file, UnknownKeys::Refused)?;
        for note in &loaded.notes {
            println!("{}: {note}", file.display());
        }
        println!("{}: good, the configuration of a relayer", file.display());
    } else {
        let loaded = ::miner::config::Loaded::read(file, UnknownKeys::Refused, &Overrides::default())?;
        for note in &loaded.notes {
            println!("{}: {note}", file.display());
        }
        println!("{}: good, the configuration of a miner", file.display());
    }
    Ok(())
}
