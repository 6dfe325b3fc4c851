use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};

/// What TLS to a pool's nodes needs beside the certificates of this system. Files are PEM and read when the pool is built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct NodeTlsConfig {
    /// Authorities that are believed, instead of those of this system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<PathBuf>,
    /// The certificate that the relayer shows, with its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

/// What was in the files.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct NodeTlsFiles {
    authorities: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

// One of them is a key.
impl std::fmt::Debug for NodeTlsFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("NodeTlsFiles(hidden)")
    }
}

impl NodeTlsConfig {
    /// Reads the files as they are now. An error names the file.
    pub(crate) fn read(&self) -> Result<NodeTlsFiles, String> {
        let read = |file: &Path| std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()));
        let identity = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((read(certificate)?, read(key)?)),
            (None, None) => None,
            _ => return Err("certificate and key belong together".to_owned()),
        };
        Ok(NodeTlsFiles { authorities: self.authority.as_deref().map(read).transpose()?, identity })
    }
}

impl NodeTlsFiles {
    /// A client that believes these authorities, or those of `system`, and shows the certificate.
    pub(crate) fn client(&self, system: &ClientConfig) -> Result<ClientConfig, String> {
        let mut client = match &self.authorities {
            Some(pem) => ClientConfig::builder().with_root_certificates(authorities(pem)?).with_no_client_auth(),
            None => system.clone(),
        };
        if let Some((chain, key)) = &self.identity {
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("key: {error}"))?;
            let shown = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
            let shown = shown.with_client_auth_cert(certificates(chain)?, key);
            client.client_auth_cert_resolver =
                shown.map_err(|error| format!("certificate: {error}"))?.client_auth_cert_resolver;
        }
        Ok(client)
    }
}

fn authorities(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem)? {
        roots.add(certificate).map_err(|error| format!("authority: {error}"))?;
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let read = read.map_err(|error| error.to_string())?;
    if read.is_empty() { Err("a file without certificates".to_owned()) } else { Ok(read) }
}
