//! Why a demonstration could not be finished.

/// A step failed; nothing is left running.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{what}: {source}")]
    Io { what: String, source: std::io::Error },
    #[error("the test bed: {0}")]
    Testbed(#[from] testbed::Error),
    #[error("`pocket-relay-miner {command}` ended with {status}; its output is above")]
    Program { command: String, status: std::process::ExitStatus },
    #[error("the fleet served no relay within {0} s")]
    NotReady(u64),
    #[error("{settled} of {served} served relays settled after {waited} s; {reasons}")]
    NotSettled { settled: u64, served: u64, waited: u64, reasons: String },
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
