//! `relayer validate`: would a relayer with this configuration work?

use std::path::PathBuf;

use relayer::Config;
use relayer::config::UnknownKeys;
use relayer::validate::{Finding, Level, offline, online, stakes};

use super::report::{Output, report};
use crate::failure::Failure;

/// Check the configuration of a relayer without running it.
///
/// Reads the file in either layout, opens the keys and prepares the pools; a line tells of each thing found, and what to do.
/// The exit code is 1 if one of them is an ERROR, so this can run in CI and as an init container.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Unknown keys are warnings instead of errors.
    #[arg(long)]
    lenient: bool,
    /// Use this Redis instead of the one in the file.
    #[arg(long, value_name = "URL")]
    redis_url: Option<String>,
    /// Also ask Redis, all nodes of the chain and all backends, and compare the clock with the newest block.
    #[arg(long)]
    online: bool,
    /// Also compare what the suppliers, whose keys are here, have staked with what is configured.
    #[arg(long)]
    check_stake: bool,
    /// The gRPC address of the node that is asked about stakes. Default: those of the file.
    #[arg(long, value_name = "HOST:PORT", requires = "check_stake")]
    node: Option<String>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let unknown = if arguments.lenient { UnknownKeys::PassedOver } else { UnknownKeys::Refused };
    let findings = match Config::read(&arguments.config, unknown) {
        Err(error) => {
            vec![Finding { level: Level::Error, subject: "configuration".to_owned(), text: error.to_string() }]
        }
        Ok(mut loaded) => {
            if let Some(url) = &arguments.redis_url {
                loaded.config.redis.url.clone_from(url);
            }
            let mut findings = offline(&loaded);
            if arguments.online {
                findings.extend(online(&loaded.config).await);
            }
            if arguments.check_stake {
                findings.extend(stakes(&about_stakes(loaded.config, arguments.node)).await);
            }
            findings
        }
    };
    report("relayer", &arguments.config.display().to_string(), &findings, arguments.output)
}

/// The configuration with this node in place of the preferred one; TLS as that has it, unless the address says.
fn about_stakes(mut config: Config, node: Option<String>) -> Config {
    if let Some(address) = node {
        config.chain.nodes.truncate(1);
        for preferred in &mut config.chain.nodes {
            let scheme = preferred.grpc.split_once("://").map(|(scheme, _)| scheme.to_owned());
            preferred.grpc = match scheme {
                Some(scheme) if !address.contains("://") => format!("{scheme}://{address}"),
                _ => address.clone(),
            };
        }
    }
    config
}
