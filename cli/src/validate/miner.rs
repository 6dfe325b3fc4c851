//! `miner validate`: would a miner with this configuration work?

use miner::config::Loaded;
use miner::validate::{offline, online};
use relay_core::validate::{Finding, Level};

use super::report::{Output, report};
use crate::failure::Failure;
use crate::miner::Source;

/// Check the configuration of a miner without running it.
///
/// Reads the file in either layout and opens the keys; a line tells of each thing found, and what to do. The exit code is 1 if
/// one of them is an ERROR, so this can run in CI and as an init container.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Also ask Redis and all nodes of the chain, and whether each supplier is staked and can pay fees.
    #[arg(long)]
    online: bool,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let findings = match arguments.source.read() {
        Err(error) => {
            vec![Finding { level: Level::Error, subject: "configuration".to_owned(), text: error.to_string() }]
        }
        Ok(loaded) => findings(&loaded, arguments.online).await,
    };
    report("miner", &arguments.source.name(), &findings, arguments.output)
}

async fn findings(loaded: &Loaded, ask: bool) -> Vec<Finding> {
    let (ring, mut findings) = offline(loaded);
    if ask {
        findings.extend(online(&loaded.config, &ring).await);
    }
    findings
}
