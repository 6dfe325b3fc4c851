//! Where the Go test beds' binaries are, building them when they are missing.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::Error;

/// Path of the chain's binary: `POCKET_CHAIN_TESTBED` when set, else the build cache, filled if need be.
pub async fn chain_binary() -> Result<PathBuf, Error> {
    static PATH: OnceCell<PathBuf> = OnceCell::const_new();
    PATH.get_or_try_init(|| locate("chain", "POCKET_CHAIN_TESTBED")).await.cloned()
}

/// Path of the Kubernetes binary: `POCKET_KUBERNETES_TESTBED` when set, else the build cache, filled if need be.
pub async fn kubernetes_binary() -> Result<PathBuf, Error> {
    static PATH: OnceCell<PathBuf> = OnceCell::const_new();
    PATH.get_or_try_init(|| locate("kubernetes", "POCKET_KUBERNETES_TESTBED")).await.cloned()
}

/// Only the build script knows the cache's keys, so it is asked even when the binary exists (about 50 ms, once a process).
/// A first build takes minutes; the script says on standard error that it works.
async fn locate(bed: &str, variable: &'static str) -> Result<PathBuf, Error> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/build-testbeds");
    let output = Command::new(&script)
        .arg(bed)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await
        .map_err(Error::io(format!("run {}", script.display())))?;
    if !output.status.success() {
        return Err(Error::Build { script, status: output.status, variable });
    }
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}
