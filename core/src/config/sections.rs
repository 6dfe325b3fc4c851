use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{ConfigError, Period};
use crate::chain::{ChainConfig, NodeConfig};
use crate::store::RedisUrl;

/// The chain and the nodes that know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ChainSection {
    /// The chain id, as `pocket`. Nodes of another chain are not listened to. Without it the first node decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The nodes, the preferred one first.
    pub nodes: Vec<NodeConfig>,
    /// How long one question to one node may take.
    #[serde(default = "query_timeout")]
    pub query_timeout: Period,
}

/// The Redis that relayers and miners of a pool share.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RedisSection {
    /// `redis://[[user]:password@]host[:port][/database]`, `redis-sentinel://[[user]:password@]host:port,host:port/name` or
    /// `redis-cluster://[[user]:password@]host:port,host:port`; `rediss…` for TLS.
    pub url: String,
    /// The authority of the server's certificate, in PEM form. Without it those of the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Our certificate, where the server asks for one, with `keyFile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// See `certFile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// As whom to log in at Sentinels. User and password in `url` are those of the servers with the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel_user: Option<String>,
    /// See `sentinelUser`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sentinel_password: Option<String>,
    /// What all keys begin with. All relayers and miners of one pool share it, two pools never.
    pub prefix: String,
}

/// Without credentials.
impl fmt::Debug for RedisSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = RedisUrl::parse(&self.url).map_or_else(|_| "unreadable".to_owned(), |url| url.to_string());
        f.debug_struct("RedisSection").field("url", &url).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl RedisSection {
    /// Without files for TLS or a login at Sentinels.
    #[must_use]
    pub fn new(url: String, prefix: String) -> Self {
        let (ca_file, cert_file, key_file) = (None, None, None);
        Self { url, ca_file, cert_file, key_file, sentinel_user: None, sentinel_password: None, prefix }
    }

    /// Checks the URL, and that the rest goes with it.
    pub fn check(&self) -> Result<(), ConfigError> {
        let invalid = |problem| ConfigError::invalid("redis.url", problem);
        let url = RedisUrl::parse(&self.url).map_err(invalid)?;
        if !url.is_tls() && (self.ca_file.is_some() || self.cert_file.is_some()) {
            return Err(invalid("must begin with rediss to use `caFile` or `certFile`".to_owned()));
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Err(ConfigError::invalid("redis.certFile", "needs `keyFile` beside it, and the other way round"));
        }
        if !url.is_sentinel() && (self.sentinel_user.is_some() || self.sentinel_password.is_some()) {
            return Err(ConfigError::invalid(
                "redis.sentinelPassword",
                "needs a URL that begins with redis-sentinel://",
            ));
        }
        Ok(())
    }
}

/// Where the suppliers' private keys are. At least one must be given; of both, all keys count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeysSection {
    /// A file with a list of keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// A directory with one file a key, as a mounted Secret has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<PathBuf>,
    /// A keyring of the Cosmos SDK, as `pocketd keys` writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyring: Option<KeyringSection>,
}

/// A keyring of the Cosmos SDK in files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeyringSection {
    /// Its kind.
    pub backend: KeyringBackend,
    /// The directory that `keyring-test` or `keyring-file` is in, such as `/home/pocket/.pocket`.
    pub directory: PathBuf,
    /// The keys that are wanted. Empty for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// Kind `file` only: a file that holds the passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Kind `file` only: the environment variable that holds the passphrase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_variable: Option<String>,
}

/// How a keyring keeps its keys. Those of an operating system, or of a process, cannot be read from files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyringBackend {
    /// Files under `keyring-test`, with a passphrase that everybody knows.
    Test,
    /// Files under `keyring-file`, with a passphrase.
    File,
}

impl KeysSection {
    /// Checks what a type cannot say.
    pub fn check(&self) -> Result<(), ConfigError> {
        if *self == Self::default() {
            return Err(ConfigError::invalid("keys", "name at least one of `file`, `directory` and `keyring`"));
        }
        let Some(keyring) = &self.keyring else { return Ok(()) };
        let passwords = usize::from(keyring.password_file.is_some()) + usize::from(keyring.password_variable.is_some());
        match (keyring.backend, passwords) {
            (KeyringBackend::Test, 0) | (KeyringBackend::File, 1) => Ok(()),
            (KeyringBackend::Test, _) => {
                Err(ConfigError::invalid("keys.keyring", "the backend `test` has no passphrase of its own"))
            }
            (KeyringBackend::File, _) => Err(ConfigError::invalid(
                "keys.keyring",
                "the backend `file` needs either `passwordFile` or `passwordVariable`",
            )),
        }
    }
}

fn query_timeout() -> Period {
    Period::from_secs(5)
}

/// What the section leaves out has the client's defaults.
impl From<&ChainSection> for ChainConfig {
    fn from(section: &ChainSection) -> Self {
        Self {
            chain_id: section.id.clone(),
            query_timeout: section.query_timeout.0,
            ..Self::new(section.nodes.clone())
        }
    }
}
