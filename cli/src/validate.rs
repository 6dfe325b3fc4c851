use std::path::{Path, PathBuf};

use operator::build::{Site, build};
use operator::local::dereference;

use crate::failure::Failure;

/// Check a folder of resources, or the configuration file of one process, without running anything.
///
/// Every problem is printed with file and line; the exit code is 0 only if there is none.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Arguments {
    /// A folder with MinerPool, RelayerPool, Supplier and Secret, or one such file.
    #[arg(short = 'f', long = "file", value_name = "DIR")]
    folder: Option<PathBuf>,
    /// A configuration file of a relayer or miner. Whoever has `services` is a relayer.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(file) = &arguments.config {
        return config(file);
    }
    arguments.folder.as_deref().map_or(Ok(()), folder)
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
        relayer::Config::load(file)?;
        println!("{}: good, the configuration of a relayer", file.display());
    } else {
        miner::Config::load(file)?;
        println!("{}: good, the configuration of a miner", file.display());
    }
    Ok(())
}
