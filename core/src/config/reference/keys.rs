use std::path::PathBuf;

use serde::Deserialize;

use super::Notes;
use crate::config::{ConfigError, KeyringBackend, KeyringSection, KeysSection};

/// `keys`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the keys are that program's, and its manual describes them")]
pub struct Keys {
    pub keys_file: Option<PathBuf>,
    pub keys_dir: Option<PathBuf>,
    pub keyring: Option<Keyring>,
    pub hot_reload_enabled: Option<bool>,
}

/// `keys.keyring`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the keys are that program's, and its manual describes them")]
pub struct Keyring {
    pub backend: Option<String>,
    pub dir: Option<PathBuf>,
    pub app_name: Option<String>,
    pub key_names: Option<Vec<String>>,
    pub passphrase_file: Option<PathBuf>,
    pub passphrase_env: Option<String>,
}

impl Keys {
    /// The sources that are named. `home` is where keyrings are if the file does not say: `$HOME/.pocket`.
    pub fn section(&self, home: Option<PathBuf>, notes: &mut Notes) -> Result<KeysSection, ConfigError> {
        let given = |path: &Option<PathBuf>| path.clone().filter(|path| !path.as_os_str().is_empty());
        let keyring = self.keyring.as_ref().map(|keyring| keyring.section(home, notes)).transpose()?;
        let section = KeysSection { file: given(&self.keys_file), directory: given(&self.keys_dir), keyring };
        if section == KeysSection::default() {
            return Err(ConfigError::invalid(
                "keys",
                "needs `keys_file`, `keys_dir` or `keyring`; nothing works without keys",
            ));
        }
        Ok(section)
    }
}

impl Keyring {
    fn section(&self, home: Option<PathBuf>, notes: &mut Notes) -> Result<KeyringSection, ConfigError> {
        let invalid = |key: &str, message: String| ConfigError::invalid(&format!("keys.keyring.{key}"), message);
        let backend = match self.backend.as_deref().unwrap_or_default() {
            "test" => KeyringBackend::Test,
            "file" => KeyringBackend::File,
            other => {
                let advice = format!(
                    "`{other}` cannot be read from files: use the backend `file` or `test`, or export each key \
                     (`pocketd keys export NAME --unarmored-hex --unsafe`) into a file that `keys.keys_file` names"
                );
                return Err(invalid("backend", advice));
            }
        };
        let directory = self.dir.clone().filter(|dir| !dir.as_os_str().is_empty()).or(home);
        let directory =
            directory.ok_or_else(|| invalid("dir", "is missing; name the directory of the keyring".to_owned()))?;
        if self.app_name.is_some() {
            notes.ignored("keys.keyring.app_name", "only keyrings of an operating system have one");
        }
        let (file, variable) = (self.passphrase_file.clone(), self.passphrase_env.clone());
        if backend == KeyringBackend::File && file.is_some() == variable.is_some() {
            let text =
                "the backend `file` needs either `passphrase_file` or `passphrase_env`; nobody is there to be asked";
            return Err(invalid("passphrase_file", text.to_owned()));
        }
        let (password_file, password_variable) =
            if backend == KeyringBackend::File { (file, variable) } else { (None, None) };
        let names = self.key_names.clone().unwrap_or_default();
        Ok(KeyringSection { backend, directory, names, password_file, password_variable })
    }
}
