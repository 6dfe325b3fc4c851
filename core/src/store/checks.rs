//! Is this Redis fit to hold money? Judged at start-up, from what it says about itself.

use std::collections::HashMap;
use std::fmt;

use super::durability::Syncing;

const OLDEST: Version = Version(6, 2);
/// From here on Redis says itself when writes are on disk (`WAITAOF`).
const CONFIRMS: Version = Version(7, 2);

/// Advice from the start-up checks: a sentence that says what to change and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning(pub String);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Major and minor number of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(u32, u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// The answer to `INFO`.
#[derive(Debug, Clone, Default)]
pub(super) struct Info(HashMap<String, String>);

impl Info {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        Self(lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    pub(super) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(super) fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or_default()
    }

    /// Valkey answers with the version of Redis that it is compatible with; that is the one that counts here.
    pub(super) fn version(&self) -> Option<Version> {
        let mut numbers = self.get("redis_version").split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some(Version(major, minor)),
            _ => None,
        }
    }

    pub(super) fn may_confirm(&self) -> bool {
        self.version().is_some_and(|version| version >= CONFIRMS)
    }
}

/// What only `CONFIG GET` tells. Managed services often forbid it; then the fields are `None`.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub(super) appendfsync: Option<String>,
    pub(super) min_replicas_to_write: Option<u64>,
}

/// What makes this server unfit, as a sentence; or what there is to say about it.
pub(super) fn judge(info: &Info, settings: &Settings) -> Result<Vec<Warning>, String> {
    match info.version() {
        None => return Err("it does not say its version; is this a Redis or Valkey server?".to_owned()),
        Some(version) if version < OLDEST => {
            return Err(format!("it is version {version}: upgrade to {OLDEST} or later"));
        }
        Some(_) => {}
    }
    if info.get("role") != "master" {
        return Err("it is a replica and takes no writes: name the primary in the url".to_owned());
    }
    let policy = info.get("maxmemory_policy");
    if policy != "noeviction" {
        return Err(format!(
            "maxmemory-policy is {policy}, which deletes relays when memory is short: set it to noeviction"
        ));
    }
    Ok(advice(info, settings))
}

fn advice(info: &Info, settings: &Settings) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut advise = |text: &str| warnings.push(Warning(text.to_owned()));
    let appendfsync = settings.appendfsync.as_deref();
    if info.number("aof_enabled") != 1 {
        advise("Redis keeps no append-only file: a restart loses every relay that is not settled. Set appendonly yes");
    } else if appendfsync == Some("no") {
        advise(
            "Redis leaves it to the system when writes reach the disk, up to half a minute: set appendfsync everysec",
        );
    } else if appendfsync.is_none() {
        advise(
            "Redis does not let its configuration be read, so appendfsync is unknown: it should be everysec or always",
        );
    }
    if info.number("connected_slaves") > 0 && settings.min_replicas_to_write == Some(0) {
        advise(
            "Redis has replicas but accepts writes without them: after a fail-over acknowledged relays may be missing. Set min-replicas-to-write 1",
        );
    }
    if info.number("maxmemory") == 0 {
        advise(
            "Redis has no maxmemory: the system may kill it when memory runs out. Set it to what the machine can spare",
        );
    }
    warnings
}

/// How durability can be known here. `confirms`: the server took `WAITAOF`.
pub(super) fn syncing(info: &Info, settings: &Settings, confirms: bool) -> Syncing {
    match settings.appendfsync.as_deref() {
        _ if info.number("aof_enabled") != 1 => Syncing::Unproven,
        Some("always") => Syncing::Always,
        _ if confirms => Syncing::Confirmed,
        Some("no") => Syncing::Unproven,
        _ => Syncing::EverySecond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\nmaxmemory_policy:noeviction\r\nmaxmemory:1000\r\naof_enabled:1\r\ncluster_enabled:0\r\nconnected_slaves:0\r\n";

    fn settings() -> Settings {
        Settings { appendfsync: Some("everysec".into()), min_replicas_to_write: Some(0) }
    }

    fn with(change: &str) -> Info {
        Info::parse(&format!("{GOOD}{change}\r\n"))
    }

    #[test]
    fn a_good_server_needs_no_advice() {
        assert_eq!(judge(&with(""), &settings()), Ok(vec![]));
    }

    // rule: W-15
    #[test]
    fn what_is_unfit_is_refused_and_says_what_to_do() {
        for (change, advice) in [
            ("redis_version:6.0.16", "6.2"),
            ("redis_version:5.0.7", "6.2"),
            ("redis_version:banana", "Redis or Valkey"),
            ("role:slave", "primary"),
            ("maxmemory_policy:allkeys-lru", "noeviction"),
        ] {
            let problem = judge(&with(change), &settings()).unwrap_err();
            assert!(problem.contains(advice), "{change}: {problem}");
        }
    }

    // rule: S-6
    #[test]
    fn the_oldest_versions_that_will_do() {
        for version in ["6.2.0", "6.2.14", "7.0.15", "7.2.4", "8.0.1", "10.0.0"] {
            assert!(judge(&with(&format!("redis_version:{version}")), &settings()).is_ok(), "{version}");
        }
        assert!(!with("redis_version:7.0.15").may_confirm());
        assert!(with("redis_version:7.2.4").may_confirm());
    }

    #[test]
    fn what_is_unwise_is_said() {
        let advised = |change: &str, settings: &Settings| judge(&with(change), settings).unwrap();
        assert!(advised("aof_enabled:0", &settings())[0].0.contains("appendonly"));
        assert!(advised("maxmemory:0", &settings())[0].0.contains("maxmemory"));
        assert!(advised("connected_slaves:2", &settings())[0].0.contains("min-replicas-to-write"));
        let lazy = Settings { appendfsync: Some("no".into()), ..settings() };
        assert!(advised("", &lazy)[0].0.contains("everysec"));
        assert!(advised("", &Settings::default())[0].0.contains("appendfsync"));
    }

    #[test]
    fn durability_is_known_in_the_best_way_there_is() {
        let always = Settings { appendfsync: Some("always".into()), ..settings() };
        let lazy = Settings { appendfsync: Some("no".into()), ..settings() };
        assert_eq!(syncing(&with("aof_enabled:0"), &always, true), Syncing::Unproven);
        assert_eq!(syncing(&with(""), &always, true), Syncing::Always);
        assert_eq!(syncing(&with(""), &lazy, true), Syncing::Confirmed);
        assert_eq!(syncing(&with(""), &lazy, false), Syncing::Unproven);
        assert_eq!(syncing(&with(""), &settings(), false), Syncing::EverySecond);
        assert_eq!(syncing(&with(""), &Settings::default(), false), Syncing::EverySecond);
    }
}
