use serde::Serialize;

use crate::failure::Failure;

/// Print the version and what it works with.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    api: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let api = format!("{}/{}", operator::api::GROUP, operator::api::VERSION);
    let version = Version { version: env!("CARGO_PKG_VERSION"), api };
    if arguments.json {
        println!("{}", serde_json::to_string(&version)?);
    } else {
        println!("pocket-relay-miner {}, resources of {}", version.version, version.api);
    }
    Ok(())
}
