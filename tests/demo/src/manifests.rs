//! The files of `examples/demo`, with the addresses of this run.

use std::path::Path;

use tempfile::TempDir;

use crate::surroundings::Surroundings;
use crate::{Error, say};

/// Copies the example into a folder of its own and replaces the addresses that it names.
pub(crate) fn render(surroundings: &Surroundings) -> Result<TempDir, Error> {
    let replacements = [
        ("http://127.0.0.1:26657", surroundings.chain.rpc().to_owned()),
        ("http://127.0.0.1:9090", surroundings.chain.grpc()),
        ("redis://127.0.0.1:6379", surroundings.redis.url()),
        ("http://127.0.0.1:8545", surroundings.backend.url()),
    ];
    let folder = tempfile::Builder::new().prefix("pocket-demo-").tempdir().map_err(Error::io("make a folder"))?;
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo");
    let entries = std::fs::read_dir(&example).map_err(Error::io(format!("list {}", example.display())))?;
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let (Some(name), Some("yaml")) = (path.file_name(), path.extension().and_then(|end| end.to_str())) else {
            continue;
        };
        let mut text = std::fs::read_to_string(&path).map_err(Error::io(format!("read {}", path.display())))?;
        for (example, actual) in &replacements {
            text = text.replace(example, actual);
        }
        std::fs::write(folder.path().join(name), text).map_err(Error::io("write a manifest"))?;
    }
    say(&format!("the fleet is described in {}", folder.path().display()));
    Ok(folder)
}
