use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::RedisUrl;
use crate::chain::Identity;
use crate::config::{Period, RedisSection};

/// Where the state is, and how long things may take. Two processes of one pool must agree on `url` and `prefix`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct StoreConfig {
    /// Any form of [`RedisUrl`](super::RedisUrl).
    pub url: String,
    /// The authority that signed the server's certificate, in PEM form; without it those of the system. Read anew for each
    /// connection, as are the next two.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, if the server asks for one, with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// See `cert_file`.
    pub key_file: Option<PathBuf>,
    /// As whom to log in at Sentinels. User and password in `url` are those of the servers with the data.
    pub sentinel_user: Option<String>,
    /// See `sentinel_user`.
    pub sentinel_password: Option<String>,
    /// Begins every key, so that pools can share a Redis. Letters, digits, `-`, `_`, `.` and `:`.
    pub prefix: String,
    /// The longest wait for a connection.
    pub connect_timeout: Period,
    /// The longest wait for the answer to a small command.
    pub response_timeout: Period,
    /// The longest wait for the answer to a large read.
    pub bulk_timeout: Period,
    /// How long a start waits for a Redis that is away or still loads its data.
    pub open_timeout: Period,
    /// Life of a lease that is not renewed.
    pub lease: Period,
    /// Age of a heartbeat at which a relayer counts as dead. A miner counts as dead after the life of a lease.
    pub dead_after: Period,
    /// An append counts as durable after this long on an unchanged Redis. Redis with a replica that may take over: its
    /// fail-over time-out and 10 s more.
    pub confirm_after: Period,
    /// How long a barrier waits where Redis cannot confirm durability itself (before 7.2). Redis syncs once a second: below
    /// 1.5 s a barrier proves nothing.
    pub barrier: Period,
    /// How long the record of an ended session is kept, to be looked at.
    pub keep_ended: Period,
    /// Without an answer for this long, Redis counts as unreachable.
    pub silence: Period,
}

/// Without credentials.
impl fmt::Debug for StoreConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = RedisUrl::parse(&self.url).map_or_else(|_| "unreadable".to_owned(), |url| url.to_string());
        f.debug_struct("StoreConfig").field("url", &url).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".to_owned(),
            ca_file: None,
            cert_file: None,
            key_file: None,
            sentinel_user: None,
            sentinel_password: None,
            prefix: "pocket".to_owned(),
            connect_timeout: Period::from_secs(1),
            response_timeout: Period::from_secs(2),
            bulk_timeout: Period::from_secs(10),
            open_timeout: Period::from_secs(30),
            lease: Period::from_secs(6),
            dead_after: Period::from_secs(10),
            confirm_after: Period::from_secs(10),
            barrier: Period::from_millis(2_500),
            keep_ended: Period::from_secs(7 * 24 * 3_600),
            silence: Period::from_secs(6),
        }
    }
}

/// What the section leaves out has the defaults.
impl From<&RedisSection> for StoreConfig {
    fn from(section: &RedisSection) -> Self {
        Self {
            url: section.url.clone(),
            ca_file: section.ca_file.clone(),
            cert_file: section.cert_file.clone(),
            key_file: section.key_file.clone(),
            sentinel_user: section.sentinel_user.clone(),
            sentinel_password: section.sentinel_password.clone(),
            prefix: section.prefix.clone(),
            ..Self::default()
        }
    }
}

/// The chain whose relays are in the state. Two chains never share it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainIdentity {
    /// Such as `pocket`.
    pub chain_id: String,
    /// What tells apart two chains of the same id: the hash of the first block, or another text that is fixed at genesis.
    pub genesis_hash: String,
}

/// All processes of a pool must write the same text here, so there is one place that makes it.
impl From<&Identity> for ChainIdentity {
    fn from(identity: &Identity) -> Self {
        Self { chain_id: identity.chain_id.clone(), genesis_hash: hex::encode(identity.hash) }
    }
}
