//! What an error of the client library or of Redis means to us.

use redis::{ErrorKind, RedisError, ServerErrorKind};

use crate::store::StoreError;
use crate::units::SessionId;

/// Replies of a server that has no say over the keys concerned, or cannot reach those that have.
const UNSETTLED: [&str; 5] = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN"];
const DENIED: [&str; 3] = ["NOAUTH", "WRONGPASS", "NOPERM"];

pub(super) fn explain(address: &str, error: &RedisError) -> StoreError {
    let address = address.to_owned();
    if error.is_timeout() {
        return StoreError::TimedOut { address };
    }
    if error.is_io_error() || error.is_connection_dropped() {
        return unreachable(address, error.to_string());
    }
    // A failing pipeline carries its replies inside; the first one says why.
    let replies = error.clone().into_server_errors();
    let first = replies.as_ref().and_then(|replies| replies.first()).map(|(_, reply)| reply);
    let code = first.map_or_else(|| error.code().unwrap_or_default(), |reply| reply.code());
    let detail = first.map_or_else(|| error.detail(), |reply| reply.details()).unwrap_or_default().to_owned();
    match code {
        "FENCED" => StoreError::FenceLost,
        "UNREGISTERED" => StoreError::UnknownSession(SessionId::from(detail)),
        "OPEN" => StoreError::NotClosed,
        "MOVEDON" => StoreError::LogMoved(detail),
        "LOADING" => StoreError::Loading,
        "OOM" => StoreError::Full(detail),
        "READONLY" | "MISCONF" | "NOREPLICAS" => StoreError::ReadOnly(format!("{code} {detail}")),
        _ if UNSETTLED.contains(&code) => StoreError::Unsettled(format!("{code} {detail}")),
        _ if DENIED.contains(&code) || error.kind() == ErrorKind::AuthenticationFailed => {
            StoreError::Denied { address, reason: error.to_string() }
        }
        _ if error.kind() == ErrorKind::Parse || error.kind() == ErrorKind::UnexpectedReturnType => {
            StoreError::malformed("an answer", error)
        }
        _ => StoreError::Refused(error.to_string()),
    }
}

/// A certificate that does not convince will not do so by itself; everything else about a connection may get better.
fn unreachable(address: String, reason: String) -> StoreError {
    if reason.contains("invalid peer certificate") || reason.contains("received fatal alert") {
        StoreError::Untrusted { address, reason }
    } else {
        StoreError::Unreachable { address, reason }
    }
}

pub(super) fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// A server that was demoted keeps its connections, and answers writes like this.
pub(super) fn is_demoted(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly)
}

#[cfg(test)]
mod tests {
    use redis::{Value, make_extension_error};

    use super::*;

    fn reply(text: &str) -> StoreError {
        let error = match redis::parse_redis_value(format!("-{text}\r\n").as_bytes()) {
            Ok(Value::ServerError(error)) => RedisError::from(error),
            other => panic!("{other:?}"),
        };
        explain("h:1", &error)
    }

    // rule: C-14
    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for text in [
            "MOVED 3999 127.0.0.1:6381",
            "ASK 3999 127.0.0.1:6381",
            "TRYAGAIN Multiple keys request during rehashing of slot",
            "CLUSTERDOWN Hash slot not served",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "READONLY You can't write against a read only replica.",
            "LOADING Redis is loading the dataset in memory",
            "OOM command not allowed when used memory > 'maxmemory'.",
            "NOREPLICAS Not enough good replicas to write.",
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
        ] {
            let error = reply(text);
            assert!(error.is_transient(), "{text}: {error}");
        }
        for text in [
            "ERR unknown command 'FOO'",
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "CROSSSLOT Keys in request don't hash to the same slot",
            "NOAUTH Authentication required.",
            "WRONGPASS invalid username-password pair or user is disabled.",
            "NOPERM this user has no permissions to run the 'evalsha' command",
            "FENCED the lease has another token",
        ] {
            let error = reply(text);
            assert!(!error.is_transient(), "{text}: {error}");
        }
    }

    #[test]
    fn a_denied_login_says_where_to_look() {
        let error = reply("WRONGPASS invalid username-password pair or user is disabled.").to_string();
        assert!(error.contains("h:1") && error.contains("redis.url"), "{error}");
    }

    #[test]
    fn the_first_reply_of_a_pipeline_decides() {
        let error = make_extension_error("FENCED".into(), Some("x".into()));
        assert_eq!(explain("h:1", &error), StoreError::FenceLost);
    }

    #[test]
    fn certificates_do_not_get_better_by_waiting() {
        let io = |text: &str| explain("h:1", &std::io::Error::other(text.to_owned()).into());
        let untrusted = io("invalid peer certificate: UnknownIssuer");
        assert!(!untrusted.is_transient() && untrusted.to_string().contains("caFile"), "{untrusted}");
        assert!(io("connection reset").is_transient());
    }
}
