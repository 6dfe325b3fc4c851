//! Where the chain's binary is, building it when it is missing.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::Error;

/// Path of the chain's binary: `POCKET_CHAIN_TESTBED` when set, else the build cache, filled if need be.
///
/// Only the build script knows the cache's key, so it is asked even when the binary exists (about 50 ms, once a process).
/// A first build takes minutes; the script says on standard error that it works.
pub async fn chain_binary() -> Result<PathBuf, Error> {
    static PATH: OnceCell<PathBuf> = OnceCell::const_new();
    PATH.get_or_try_init(locate).await.cloned()
}

async fn locate() -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os("POCKET_CHAIN_TESTBED") {
        return Ok(path.into());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/build-testbeds");
    let output = Command::new(&script)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(Error::io(format!("run {}", script.display())))?;
    if !output.status.success() {
        return Err(Error::Build { script, status: output.status });
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
