//! `relay jsonrpc`: fresh relays, signed as an application or a gateway signs them, and their answers verified.

mod key;
mod load;
mod report;
mod target;

use std::time::Duration;

use bytes::Bytes;
use relay_core::address::Address;
use relay_core::chain::{Chain, ChainConfig, NodeConfig};
use relay_core::config::Period;
use relay_core::units::ServiceId;

use crate::failure::Failure;
use crate::stop;
use load::Load;
use target::Target;

/// Send JSON-RPC relays to a relayer, and verify every answer.
///
/// The session is fetched from a node, each relay is signed with the application's or one of its gateways' keys for a
/// supplier of that session, and the answer's signature, session and payload hash are checked. The exit code is 0 only if
/// every relay was answered well.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to send relays. Default: the endpoint that the supplier has staked.
    #[arg(long, value_name = "URL")]
    relayer: Option<String>,
    /// The application that pays.
    #[arg(long, value_name = "ADDRESS")]
    application: Address,
    /// The application's private key: 64 hex digits, or a file with them.
    #[arg(
        long,
        value_name = "HEX|FILE",
        env = "POCKET_APPLICATION_KEY",
        hide_env_values = true,
        conflicts_with = "gateway_key"
    )]
    application_key: Option<String>,
    /// The private key of a gateway that the application delegates to: 64 hex digits, or a file with them.
    #[arg(long, value_name = "HEX|FILE", env = "POCKET_GATEWAY_KEY", hide_env_values = true)]
    gateway_key: Option<String>,
    /// The service.
    #[arg(long, value_name = "ID")]
    service: ServiceId,
    /// CometBFT RPC of a node.
    #[arg(long, value_name = "URL")]
    rpc: String,
    /// gRPC of that node.
    #[arg(long, value_name = "ADDRESS")]
    grpc: String,
    /// Only these suppliers of the session, in turn. Default: all of them.
    #[arg(long, value_name = "ADDRESS")]
    supplier: Vec<Address>,
    /// The JSON-RPC call.
    #[arg(
        long,
        value_name = "JSON",
        default_value = r#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#
    )]
    data: String,
    /// How many relays.
    #[arg(short = 'n', long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    count: u64,
    /// How many relays a second, at most. Default: as many as the concurrency allows.
    #[arg(long, value_name = "RATE", value_parser = clap::value_parser!(u32).range(1..))]
    rps: Option<u32>,
    /// How many relays at a time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=4096))]
    concurrency: u16,
    /// How long one answer may take.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    timeout: Period,
    /// Speak HTTP/2 with prior knowledge.
    #[arg(long)]
    http2: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let stop = stop::on_signal()?;
    let key = key::read(arguments.application_key.as_deref(), arguments.gateway_key.as_deref())?;
    let node = NodeConfig { name: "node".to_owned(), rpc: arguments.rpc, grpc: arguments.grpc };
    let chain = Chain::new(&ChainConfig::new(vec![node]))?;
    let target = Target {
        chain,
        application: arguments.application,
        service: arguments.service,
        suppliers: arguments.supplier,
        relayer: arguments.relayer,
    };
    let load = Load {
        key,
        payload: relay_core::client::json_rpc_payload(Bytes::from(arguments.data)),
        count: arguments.count,
        rate: arguments.rps,
        concurrency: arguments.concurrency,
        timeout: Duration::from(arguments.timeout),
        http2: arguments.http2,
    };
    let report = load::run(load, target, stop).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    report.verdict()
}
