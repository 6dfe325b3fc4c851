//! Trouble for one server, by its own commands.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ask::ask;
use super::{DEFAULTS, Redis};
use crate::{Certificates, Error, free_address};

const LIMIT: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(20);
/// What [`Redis::fill`] writes, and [`Redis::drain`] removes.
const BALLAST: &str = "testbed:ballast";

impl Redis {
    /// Sends one command and returns its answer as texts, nested lists flat.
    pub async fn ask(&self, command: &[&str]) -> Result<Vec<String>, Error> {
        ask(self.port(), command).await
    }

    /// Starts a server that copies this one. Ready when it is in step.
    pub async fn start_replica(&self, options: &[(&str, &str)]) -> Result<Self, Error> {
        let of = format!("127.0.0.1 {}", self.port());
        let mut options = options.to_vec();
        options.push(("replicaof", &of));
        let replica = Self::start_with(&options).await?;
        let limit = Instant::now() + LIMIT;
        while replica.ask(&["ROLE"]).await?.get(3).is_none_or(|state| state != "connected") {
            if Instant::now() > limit {
                return Err(Error::Redis("a replica does not get in step".into()));
            }
            sleep(POLL).await;
        }
        Ok(replica)
    }

    /// Starts a server that also speaks TLS, with these certificates, and asks its clients for theirs if `mutual`. The second
    /// value is its URL for TLS.
    pub async fn start_tls(certificates: &Certificates, mutual: bool) -> Result<(Self, String), Error> {
        let (certificate, key) = certificates.pair("server");
        let port = free_address()?.port();
        let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
        let authority = certificates.authority().display().to_string();
        let redis = Self::start_with(&[
            ("tls-port", &port.to_string()),
            ("tls-cert-file", &certificate),
            ("tls-key-file", &key),
            ("tls-ca-cert-file", &authority),
            ("tls-auth-clients", if mutual { "yes" } else { "no" }),
        ])
        .await?;
        Ok((redis, format!("rediss://127.0.0.1:{port}")))
    }

    /// Lets commands of all clients wait, as an administrator may (`CLIENT PAUSE`).
    pub async fn client_pause(&self, period: Duration) -> Result<(), Error> {
        self.ask(&["CLIENT", "PAUSE", &period.as_millis().to_string(), "ALL"]).await.map(|_| ())
    }

    /// Leaves no memory: sets `maxmemory` a little above what is used, and fills the rest. [`Redis::drain`] undoes it.
    pub async fn fill(&self) -> Result<(), Error> {
        let info = self.ask(&["INFO", "memory"]).await?.join("\n");
        let used = info
            .lines()
            .find_map(|line| line.strip_prefix("used_memory:"))
            .and_then(|text| text.trim().parse::<u64>().ok());
        let used = used.ok_or_else(|| Error::Redis("it does not say how much memory it uses".into()))?;
        self.ask(&["CONFIG", "SET", "maxmemory", &(used + (1 << 20)).to_string()]).await?;
        let piece = "x".repeat(64 << 10);
        while self.ask(&["APPEND", BALLAST, &piece]).await.is_ok() {}
        Ok(())
    }

    /// Gives back the memory that [`Redis::fill`] took, and lifts the limit.
    pub async fn drain(&self) -> Result<(), Error> {
        self.ask(&["CONFIG", "SET", "maxmemory", "0"]).await?;
        self.ask(&["DEL", BALLAST]).await.map(|_| ())
    }
}

/// Options as the server takes them on its command line.
pub(super) fn options(given: &[(&str, &str)]) -> Vec<(String, String)> {
    DEFAULTS.iter().chain(given).map(|&(name, value)| (name.into(), value.into())).collect()
}
