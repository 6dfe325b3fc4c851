//! `crds`: print the CustomResourceDefinitions, or write them to a folder.

use std::path::PathBuf;

use crate::failure::Failure;

/// Print the definitions of MinerPool, RelayerPool and Supplier, for `kubectl apply -f -`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Write one file per kind into this folder instead of printing them.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let definitions = operator::crds::all()?;
    let Some(folder) = &arguments.out else {
        for definition in &definitions {
            println!("---\n{}", definition.to_yaml()?.trim_end());
        }
        return Ok(());
    };
    std::fs::create_dir_all(folder)?;
    for definition in &definitions {
        let file = folder.join(definition.file);
        std::fs::write(&file, definition.to_yaml()?)
            .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        println!("{}", file.display());
    }
    Ok(())
}
