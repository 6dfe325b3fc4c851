use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// TLS on the relay port. The files are PEM; they are read again when they change, and connections stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TlsConfig {
    /// The certificate, followed by those between it and an authority that callers know.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities that sign callers' certificates. With it, nobody without one is served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authority: Option<PathBuf>,
}
