use crate::clock::SkewError;
use crate::units::SessionId;

/// Why the store could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// `url` cannot be read.
    #[error("the Redis url {0}")]
    Url(String),
    /// `prefix` would break the names of keys.
    #[error("Redis prefix {0:?}: use 1 to 64 letters, digits, '-', '_', '.' and ':'")]
    Prefix(String),
    /// No connection, or it broke.
    #[error("Redis at {address} cannot be reached: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the connection reported.
        reason: String,
    },
    /// Connected, but no answer in time. What was asked may still happen.
    #[error("Redis at {address} did not answer in time: it is overloaded, paused, or the network drops packets")]
    TimedOut {
        /// Host and port.
        address: String,
    },
    /// The server's certificate, or ours, was not accepted.
    #[error(
        "Redis at {address} cannot be trusted: {reason}; is redis.caFile the authority that signed its certificate, does the certificate name this host, and does Redis ask for a client certificate (certFile, keyFile)?"
    )]
    Untrusted {
        /// Host and port.
        address: String,
        /// What the handshake reported.
        reason: String,
    },
    /// A file for TLS cannot be used.
    #[error("{0}")]
    TlsFile(String),
    /// The user or password is wrong or missing, or the user may not do what we need.
    #[error(
        "Redis at {address} does not let us in: {reason}; compare user and password in redis.url (and sentinelPassword)"
    )]
    Denied {
        /// Host and port.
        address: String,
        /// Its answer.
        reason: String,
    },
    /// A cluster is moving keys or choosing another primary.
    #[error("the Redis cluster is not settled: {0}")]
    Unsettled(String),
    /// Redis reads its data from disk.
    #[error("Redis still loads its data; it answers when it is done")]
    Loading,
    /// `maxmemory` is reached.
    #[error("Redis is full: raise maxmemory, or let sessions end so that their logs go ({0})")]
    Full(String),
    /// Redis cannot write to its disk, or has too few replicas, and refuses writes.
    #[error("Redis refuses writes: {0}")]
    ReadOnly(String),
    /// Another error reply.
    #[error("Redis answered {0}")]
    Refused(String),
    /// An answer or a stored value of an unexpected form.
    #[error("Redis: {what}: {reason}; was this key written by another program?")]
    Malformed {
        /// Which value.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Redis runs with settings that would cost relays.
    #[error("Redis at {address} is not fit for this: {problem}")]
    Unfit {
        /// Host and port.
        address: String,
        /// What to change.
        problem: String,
    },
    /// The state under this prefix belongs to another chain or layout.
    #[error("{0}")]
    Foreign(String),
    /// The lease has another holder, or none: everything known about the supplier may be out of date.
    #[error("the lease is held under another token: acquire it anew before writing")]
    FenceLost,
    /// No relay of this session was ever appended, or it has ended.
    #[error("session {0} is not registered: it has ended, or Redis lost it together with its log")]
    UnknownSession(SessionId),
    /// A seal needs a closed session.
    #[error("the session is not closed: close it, wait for a barrier, read the log to its end, then seal")]
    NotClosed,
    /// The log does not end where the seal says.
    #[error("the log ends at {0}, not where it was read to: read it again before sealing")]
    LogMoved(String),
    /// The test setting for clocks cannot be read.
    #[error(transparent)]
    Clock(#[from] SkewError),
    /// Waited in vain for Redis to report that writes are on disk.
    #[error("Redis did not bring its writes to disk: {0}")]
    NotDurable(String),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::TimedOut { .. }
                | Self::Unsettled(_)
                | Self::Loading
                | Self::Full(_)
                | Self::ReadOnly(_)
                | Self::NotDurable(_)
        )
    }

    pub(super) fn malformed(what: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { what: what.into(), reason: reason.to_string() }
    }
}
