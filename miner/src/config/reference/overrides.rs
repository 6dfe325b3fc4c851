use std::path::PathBuf;

use relay_core::config::reference::{Keyring, Keys, Note, Notes};
use relay_core::config::{ConfigError, KeysSection};

use crate::config::Config;

/// What the command line says instead of the file. The flags are those of the Go relay miner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--keys-file`
    pub keys_file: Option<PathBuf>,
    /// `--keys-dir`
    pub keys_dir: Option<PathBuf>,
    /// `--keyring-backend`
    pub keyring_backend: Option<String>,
    /// `--keyring-dir`
    pub keyring_dir: Option<PathBuf>,
    /// `--redis-url`
    pub redis_url: Option<String>,
    /// `--consumer-name`
    pub consumer_name: Option<String>,
    /// `--hot-reload`
    pub hot_reload: Option<bool>,
    /// `--session-ttl`
    pub session_ttl: Option<String>,
}

impl Overrides {
    /// The sources of keys that are given, which then are all.
    pub(super) fn keys(&self) -> Result<Option<KeysSection>, ConfigError> {
        let keyring = self.keyring_backend.as_ref().map(|backend| Keyring {
            backend: Some(backend.clone()),
            dir: self.keyring_dir.clone(),
            // The one way to say it without a file, and never on the command line itself.
            passphrase_env: (backend == "file").then(|| "POCKET_KEYRING_PASSPHRASE".to_owned()),
            ..Keyring::default()
        });
        if self.keys_file.is_none() && self.keys_dir.is_none() && keyring.is_none() {
            return Ok(None);
        }
        let keys = Keys {
            keys_file: self.keys_file.clone(),
            keys_dir: self.keys_dir.clone(),
            keyring,
            hot_reload_enabled: None,
        };
        keys.section(std::env::home_dir().map(|home| home.join(".pocket")), &mut Notes::default()).map(Some)
    }

    /// Puts them into a configuration.
    pub(in crate::config) fn apply(&self, config: &mut Config) -> Result<Vec<Note>, ConfigError> {
        if let Some(keys) = self.keys()? {
            config.keys = keys;
        } else if let (Some(dir), Some(keyring)) = (&self.keyring_dir, &mut config.keys.keyring) {
            keyring.directory.clone_from(dir);
        }
        if let Some(url) = &self.redis_url {
            config.redis.url.clone_from(url);
        }
        if let Some(name) = &self.consumer_name {
            config.name.clone_from(name);
        }
        if let Some(reload) = self.hot_reload {
            config.hot_reload = reload;
        }
        let mut notes = Notes::default();
        notes.ignored_if("", &[("--session-ttl", self.session_ttl.is_some())], "nothing that can still earn expires");
        Ok(notes.into_vec())
    }
}
