use std::future::Future;

use crate::failure::Failure;

/// Runs a command that waits for something.
pub(crate) fn block_on<F: Future<Output = Result<(), Failure>>>(command: F) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}
