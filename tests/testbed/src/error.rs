//! What can go wrong in the test bed itself, as opposed to in what it tests.

use std::path::PathBuf;

/// A part of the test bed could not be started or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or process operation failed.
    #[error("{what}: {source}")]
    Io {
        /// What was attempted.
        what: String,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A binary is neither there nor could it be built.
    #[error("{script:?} failed ({status}): see its output above, or name a ready binary in {variable}")]
    Build {
        /// The build script.
        script: PathBuf,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The environment variable that names a binary.
        variable: &'static str,
    },
    /// The chain process refused its specification or ended before it was ready.
    #[error("chain-testbed {command}: {reason}")]
    Chain {
        /// `init` or `start`.
        command: &'static str,
        /// What it wrote to standard error.
        reason: String,
    },
    /// The cluster did not start, or kubectl failed.
    #[error("kubernetes-testbed: {0}")]
    Kubernetes(String),
    /// The server did not start, ended, or is not in the state that was asked for.
    #[error("redis-server: {0}")]
    Redis(String),
    /// The peer could not be reached or broke off.
    #[error("{url}: {reason}")]
    Unreachable {
        /// Whom we asked.
        url: String,
        /// What the connection reported.
        reason: String,
    },
    /// The peer answered, but not with success.
    #[error("{url} answered {status}: {body}")]
    Refused {
        /// Whom we asked.
        url: String,
        /// HTTP status, or the code of an RPC error.
        status: i64,
        /// The text of the answer.
        body: String,
    },
    /// The answer is not of the documented form.
    #[error("{url}: unexpected answer: {reason}")]
    Malformed {
        /// Whom we asked.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A chain in memory begins at genesis with every start, so a restart would lose what the test did.
    #[error("a chain in memory cannot be restarted: build its genesis with `.on_disk()`")]
    InMemory,
    /// Every port of the range has a listener.
    #[error("no port of 127.0.0.1 is free")]
    NoPort,
    /// They could not be made or written.
    #[error("certificates: {0}")]
    Certificates(String),
    /// Nothing of this name exists in the genesis.
    #[error("the genesis names no account {0:?}")]
    UnknownAccount(String),
}

impl Error {
    /// Turns an I/O error into ours, saying what was attempted.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn malformed(url: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { url: url.into(), reason: format!("{reason}") }
    }
}
