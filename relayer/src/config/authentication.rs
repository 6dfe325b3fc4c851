use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use serde::{Deserialize, Serialize};

/// The most that a file with a secret may hold, bytes.
const MOST_BYTES: u64 = 64 << 10;

/// How the relayer proves to a node who it is: a user and a password, a bearer token, or a whole header value. A secret is
/// written here or, better, into a file of its own, as Kubernetes mounts them; files are read when the pool is built.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct AuthenticationConfig {
    /// The user, with a password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// A file with the password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// What follows `Bearer` in `Authorization`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<String>,
    /// A file with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token_file: Option<PathBuf>,
    /// All of `Authorization`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_token: Option<String>,
    /// A file with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_token_file: Option<PathBuf>,
}

/// Why there is no credential. Never repeats one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not exactly one kind is given, or a part of one is missing.
    #[error("needs exactly one of username with password, bearerToken and plainToken, each as text or as a file")]
    Kind,
    /// A file cannot be read.
    #[error("cannot read {file}: {reason}")]
    File {
        /// Its path.
        file: String,
        /// What the system said.
        reason: String,
    },
    /// The credential is empty or cannot stand in a header.
    #[error("the credential is empty or cannot stand in a header")]
    Text,
}

impl AuthenticationConfig {
    /// Checks what can be checked without reading a file.
    pub(crate) fn check(&self) -> Result<(), CredentialError> {
        let both = |text: &Option<String>, file: &Option<PathBuf>| text.is_some() && file.is_some();
        let given = |text: &Option<String>, file: &Option<PathBuf>| text.is_some() || file.is_some();
        let password = given(&self.password, &self.password_file);
        let kinds = [
            self.username.is_some(),
            given(&self.bearer_token, &self.bearer_token_file),
            given(&self.plain_token, &self.plain_token_file),
        ];
        let twice = both(&self.password, &self.password_file)
            || both(&self.bearer_token, &self.bearer_token_file)
            || both(&self.plain_token, &self.plain_token_file);
        let one = kinds.into_iter().filter(|kind| *kind).count() == 1;
        if one && !twice && self.username.is_some() == password { Ok(()) } else { Err(CredentialError::Kind) }
    }

    /// The value of `Authorization`, from files as they are now.
    pub(crate) fn header(&self) -> Result<HeaderValue, CredentialError> {
        self.check()?;
        if let Some(user) = &self.username {
            let password = secret(self.password.as_deref(), self.password_file.as_deref())?;
            return basic(user, &password.unwrap_or_default());
        }
        if let Some(token) = secret(self.bearer_token.as_deref(), self.bearer_token_file.as_deref())? {
            return sensitive(&format!("Bearer {token}"));
        }
        let token = secret(self.plain_token.as_deref(), self.plain_token_file.as_deref())?;
        sensitive(&token.unwrap_or_default())
    }
}

/// `Basic`, as browsers send it.
pub(crate) fn basic(user: &str, password: &str) -> Result<HeaderValue, CredentialError> {
    sensitive(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

fn sensitive(text: &str) -> Result<HeaderValue, CredentialError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| CredentialError::Text)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The text, or what is in the file, without white space around it.
fn secret(text: Option<&str>, file: Option<&Path>) -> Result<Option<String>, CredentialError> {
    let secret = match (text, file) {
        (Some(text), _) => text.to_owned(),
        (None, Some(file)) => read(file).map_err(|reason| {
            let file = file.display().to_string();
            CredentialError::File { file, reason }
        })?,
        (None, None) => return Ok(None),
    };
    let secret = secret.trim();
    if secret.is_empty() { Err(CredentialError::Text) } else { Ok(Some(secret.to_owned())) }
}

fn read(file: &Path) -> Result<String, String> {
    let size = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if size > MOST_BYTES {
        return Err(format!("it has {size} bytes, at most {MOST_BYTES} are read"));
    }
    std::fs::read_to_string(file).map_err(|error| error.to_string())
}

impl fmt::Debug for AuthenticationConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthenticationConfig(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(adjust: impl FnOnce(&mut AuthenticationConfig)) -> AuthenticationConfig {
        let mut config = AuthenticationConfig::default();
        adjust(&mut config);
        config
    }

    #[test]
    fn each_kind_has_its_header() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("secret");
        std::fs::write(&file, "hunter2\n").unwrap();
        let some = |text: &str| Some(text.to_owned());
        let cases = [
            (with(|c| (c.username, c.password) = (some("me"), some("hunter2"))), "Basic bWU6aHVudGVyMg=="),
            (with(|c| (c.username, c.password_file) = (some("me"), Some(file.clone()))), "Basic bWU6aHVudGVyMg=="),
            (with(|c| c.bearer_token = some("hunter2")), "Bearer hunter2"),
            (with(|c| c.bearer_token_file = Some(file.clone())), "Bearer hunter2"),
            (with(|c| c.plain_token = some("Key hunter2")), "Key hunter2"),
            (with(|c| c.plain_token_file = Some(file.clone())), "hunter2"),
        ];
        for (config, expected) in cases {
            let header = config.header().unwrap();
            assert_eq!(header.to_str().unwrap(), expected);
            let shown = format!("{config:?} {header:?}");
            assert!(!shown.contains("hunter2") && !shown.contains("bWU6"), "{shown}");
        }
        std::fs::write(&file, "another").unwrap();
        let again = with(|c| c.bearer_token_file = Some(file.clone())).header().unwrap();
        assert_eq!(again, "Bearer another", "a file counts as it is now");
    }

    #[test]
    fn half_a_credential_and_two_are_refused() {
        let some = |text: &str| Some(text.to_owned());
        let wrong = [
            AuthenticationConfig::default(),
            with(|c| c.username = some("me")),
            with(|c| c.password = some("secret")),
            with(|c| (c.bearer_token, c.plain_token) = (some("a"), some("b"))),
            with(|c| (c.bearer_token, c.bearer_token_file) = (some("a"), Some("b".into()))),
        ];
        for config in wrong {
            assert_eq!(config.check(), Err(CredentialError::Kind));
        }
        assert_eq!(with(|c| c.bearer_token = some("a\nb")).header(), Err(CredentialError::Text));
        let missing = with(|c| c.plain_token_file = Some("/nowhere".into())).header().unwrap_err();
        assert!(missing.to_string().starts_with("cannot read /nowhere"), "{missing}");
    }
}
