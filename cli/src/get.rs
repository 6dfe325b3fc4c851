use std::path::PathBuf;

use operator::local::{dereference, observe};
use operator::status::table::Table;

use crate::failure::Failure;
use crate::up::state_folder;

/// Are the suppliers ready, staked and funded, which miner owns them, what did they earn?
///
/// Stake, balance and services come from the chain, the rest from the miners of the fleet that `up` runs from the same
/// folder. Without one the chain's part is still shown.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The folder with the resources.
    #[arg(short = 'f', long = "file", value_name = "DIR")]
    folder: PathBuf,
    /// Where `up` keeps its state. Default: `.pocket` in the folder.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The form of the output.
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Output {
    /// The columns of `kubectl get`.
    #[default]
    Table,
    /// With operator address, pool and message.
    Wide,
    /// A list of Suppliers with their status.
    Json,
}

pub(crate) async fn suppliers(arguments: Arguments) -> Result<(), Failure> {
    let fleet = dereference::fleet(&arguments.folder)?;
    let state = arguments.state_dir.unwrap_or_else(|| state_folder(&arguments.folder));
    let observed = observe::observe(&fleet, &state).await?;
    match arguments.output {
        Output::Json => {
            let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": observed.suppliers });
            println!("{}", serde_json::to_string_pretty(&list)?);
        }
        output => print!("{}", Table::suppliers(&observed.suppliers, matches!(output, Output::Wide), observed.age)),
    }
    Ok(())
}
