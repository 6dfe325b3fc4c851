//! What a Redis URL says. No text made here, neither errors nor `Debug`, ever shows credentials.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, RedisConnectionInfo};

const SENTINEL_PORT: u16 = 26_379;
const CLUSTER_PORT: u16 = 6_379;

/// Where Redis is, and how it lets us in.
///
/// | form | is |
/// | --- | --- |
/// | `redis://[[user]:password@]host[:port][/database]` | one server, or any node of a cluster |
/// | `redis-sentinel://[[user]:password@]host[:port],…/name[?db=database]` | the primary that Sentinels know under this name |
/// | `redis-cluster://[[user]:password@]host[:port],…` | the cluster that these nodes belong to |
/// | `unix:///path` | one server |
///
/// `rediss`, `rediss-sentinel` and `rediss-cluster` are the same over TLS. Characters of a password that have a meaning in a URL
/// are percent-encoded: `@` is `%40`, `/` is `%2F`.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(super) form: Form,
    pub(super) tls: bool,
    pub(super) login: Login,
    pub(super) database: i64,
}

/// What the URL leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    Server(Endpoint),
    Socket(String),
    Sentinel { sentinels: Vec<Endpoint>, name: String },
    Cluster { seeds: Vec<Endpoint> },
}

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Endpoint {
    pub(super) host: String,
    pub(super) port: u16,
}

/// As whom to log in, if at all.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

/// Without credentials.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.form {
            Form::Server(endpoint) => write!(f, "{endpoint}"),
            Form::Socket(path) => f.write_str(path),
            Form::Sentinel { sentinels, name } => write!(f, "`{name}` of the Sentinels {}", list(sentinels)),
            Form::Cluster { seeds } => write!(f, "the cluster of {}", list(seeds)),
        }
    }
}

pub(super) fn list(endpoints: &[Endpoint]) -> String {
    endpoints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl RedisUrl {
    /// Reads a URL. The error says what is wrong and what to write instead, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(
                "has no scheme: write redis://host:port, rediss://, redis-sentinel:// or redis-cluster://".into()
            );
        };
        let tls = scheme.starts_with("rediss") || scheme == "valkeys";
        match scheme {
            "redis" | "rediss" | "valkey" | "valkeys" => Self::server(scheme, rest, tls),
            "unix" | "redis+unix" | "valkey+unix" => Self::socket(text),
            "redis-sentinel" | "rediss-sentinel" => Self::sentinel(rest, tls),
            "redis-cluster" | "rediss-cluster" => Self::cluster(rest, tls),
            _ => Err("must begin with redis://, rediss://, unix://, redis-sentinel:// or redis-cluster:// \
                      (rediss-sentinel:// and rediss-cluster:// for TLS)"
                .into()),
        }
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Whether Sentinels name the server.
    #[must_use]
    pub fn is_sentinel(&self) -> bool {
        matches!(self.form, Form::Sentinel { .. })
    }

    fn server(scheme: &str, rest: &str, tls: bool) -> Result<Self, String> {
        let parts = Parts::split(rest)?;
        if parts.hosts.contains(',') {
            return Err(
                "lists several hosts: that needs redis-sentinel://host,host/name or redis-cluster://host,host".into()
            );
        }
        let info = read(&format!("{scheme}://{rest}"))
            .ok_or("cannot be read: write redis://[[user]:password@]host[:port][/database], with %-codes for special characters of the password")?;
        let endpoint = endpoint(info.addr()).ok_or("names no host: write redis://host:port")?;
        Ok(Self::new(Form::Server(endpoint), tls, info.redis_settings()))
    }

    fn socket(text: &str) -> Result<Self, String> {
        let info = read(text).ok_or("cannot be read: write unix:///path/to/redis.sock")?;
        match info.addr() {
            ConnectionAddr::Unix(path) => {
                let form = Form::Socket(path.to_string_lossy().into_owned());
                Ok(Self::new(form, false, info.redis_settings()))
            }
            _ => Err("names no path: write unix:///path/to/redis.sock".into()),
        }
    }

    fn sentinel(rest: &str, tls: bool) -> Result<Self, String> {
        let parts = Parts::split(rest)?;
        let named = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = parts.path.trim_end_matches('/').to_owned();
        if name.is_empty() {
            return Err("names no primary: write redis-sentinel://host:26379,host:26379/name, with the name that the \
                        Sentinels monitor (often mymaster)"
                .into());
        }
        if !name.chars().all(named) {
            return Err(
                "names a primary that Sentinel does not allow: use letters, digits, '-', '_' and '.'; a database \
                        is written ?db=1"
                    .into(),
            );
        }
        let database = parts.query("db")?;
        let (sentinels, info) = parts.endpoints(SENTINEL_PORT, database.unwrap_or("0"))?;
        Ok(Self::new(Form::Sentinel { sentinels, name }, tls, &info))
    }

    fn cluster(rest: &str, tls: bool) -> Result<Self, String> {
        let parts = Parts::split(rest)?;
        let database = parts.query("db")?.unwrap_or("0");
        if !matches!(parts.path.trim_end_matches('/'), "" | "0") || database != "0" {
            return Err("names a database: a cluster has only number 0, leave it out".into());
        }
        let (seeds, info) = parts.endpoints(CLUSTER_PORT, "0")?;
        Ok(Self::new(Form::Cluster { seeds }, tls, &info))
    }

    fn new(form: Form, tls: bool, info: &RedisConnectionInfo) -> Self {
        let login = Login { user: info.username().map(str::to_owned), password: info.password().map(str::to_owned) };
        Self { form, tls, login, database: info.db() }
    }
}

/// A URL after its scheme, cut where lists of hosts can be cut.
struct Parts<'a> {
    /// With the `@`, or empty.
    credentials: &'a str,
    hosts: &'a str,
    path: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn split(rest: &'a str) -> Result<Self, String> {
        if rest.contains('#') {
            return Err("has a `#`: write %23 in a password; #insecure is not supported, give caFile instead".into());
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if path.contains('@') || query.contains('@') {
            return Err("has an `@` after a `/` or `?`: write %2F and %3F for these in a password".into());
        }
        let (credentials, hosts) = match authority.rfind('@') {
            Some(at) => authority.split_at(at + 1),
            None => ("", authority),
        };
        if !credentials.is_empty() && !credentials.contains(':') {
            return Err("has a user but no password: write user:password@ or :password@".into());
        }
        Ok(Self { credentials, hosts, path, query })
    }

    /// The value of this name; no other name may stand there.
    fn query(&self, allowed: &str) -> Result<Option<&'a str>, String> {
        let mut found = None;
        for part in self.query.split('&').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((name, value)) if name == allowed => found = Some(value),
                _ => return Err(format!("has a setting after `?` that does not exist: only {allowed}=… is known")),
            }
        }
        Ok(found)
    }

    fn endpoints(&self, port: u16, database: &str) -> Result<(Vec<Endpoint>, RedisConnectionInfo), String> {
        let mut all = Vec::new();
        let mut settings = None;
        for host in self.hosts.split(',').map(str::trim) {
            if host.is_empty() {
                return Err("has an empty place in its list of hosts: write host:port,host:port".into());
            }
            let has_port =
                host.rsplit_once(':').is_some_and(|(before, _)| !before.contains(':') || before.ends_with(']'));
            let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
            let url = format!("redis://{}{host}/{database}", self.credentials);
            let info = read(&url).ok_or_else(|| {
                format!("has a part that cannot be read, at host `{host}` or before: write [user]:password@host:port,host:port, \
                         with %-codes for special characters of the password, and a number as database")
            })?;
            all.push(endpoint(info.addr()).ok_or("names no host: write host:port")?);
            settings = Some(info.redis_settings().clone());
        }
        settings.map(|settings| (all, settings)).ok_or_else(|| "names no host: write host:port".to_owned())
    }
}

/// The client library's own reading of a URL of one server. Its errors are dropped, since they might repeat what they read.
fn read(url: &str) -> Option<ConnectionInfo> {
    url.into_connection_info().ok()
}

fn endpoint(address: &ConnectionAddr) -> Option<Endpoint> {
    match address {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } if !host.is_empty() => {
            Some(Endpoint { host: host.clone(), port: *port })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
