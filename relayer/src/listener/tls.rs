//! TLS on the relay port, and its certificates, which change while connections stay.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::config::TlsConfig;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate, its key or the authority cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("tls: {0}")]
pub struct TlsError(String);

/// What handshakes are made with: always the newest files that could be used.
#[derive(Debug)]
pub(crate) struct Tls {
    files: TlsConfig,
    /// What was in them at first.
    loaded: [u8; 32],
    current: ArcSwap<ServerConfig>,
}

/// The contents of the three files.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files.
    pub(crate) fn load(files: &TlsConfig) -> Result<Arc<Self>, TlsError> {
        let contents = Contents::read(files)?;
        let (loaded, current) = (contents.fingerprint(), ArcSwap::from_pointee(contents.server()?));
        Ok(Arc::new(Self { files: files.clone(), loaded, current }))
    }

    /// Shakes hands over a connection.
    pub(super) async fn accept<T: AsyncRead + AsyncWrite + Unpin>(&self, stream: T) -> std::io::Result<TlsStream<T>> {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }

    /// Looks at the files until `stop`, and uses what is new. Files that cannot be used change nothing: they are often only
    /// half written.
    pub(crate) async fn keep_up(self: Arc<Self>, stop: CancellationToken) {
        let mut seen = Some(self.loaded);
        while tokio::time::timeout(LOOK_EVERY, stop.cancelled()).await.is_err() {
            let files = self.files.clone();
            let read = tokio::task::spawn_blocking(move || Contents::read(&files)).await;
            let Ok(read) = read else { continue };
            let fingerprint = read.as_ref().ok().map(Contents::fingerprint);
            if fingerprint == seen {
                continue;
            }
            seen = fingerprint;
            match read.and_then(|contents| contents.server()) {
                Ok(server) => {
                    self.current.store(Arc::new(server));
                    tracing::info!("the certificate of the relay port is replaced");
                }
                Err(error) => tracing::warn!(%error, "the new certificate cannot be used; the old one stays"),
            }
        }
    }
}

impl Contents {
    fn read(files: &TlsConfig) -> Result<Self, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| TlsError(format!("{}: {error}", path.display())));
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            authority: files.client_authority.as_deref().map(read).transpose()?,
        })
    }

    /// A hash, so that no copy of a key is kept.
    fn fingerprint(&self) -> [u8; 32] {
        let parts = [Some(&self.certificate), Some(&self.key), self.authority.as_ref()];
        let hashes = parts.map(|part| Sha256::digest(part.map_or(&[][..], Vec::as_slice)));
        Sha256::digest(hashes.concat()).into()
    }

    fn server(&self) -> Result<ServerConfig, TlsError> {
        let refuse = |what: &str, error: &dyn std::fmt::Display| TlsError(format!("{what}: {error}"));
        let certificates = certificates(&self.certificate).map_err(|error| refuse("certificate", &error))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| refuse("key", &error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| refuse("versions", &error))?;
        let builder = match &self.authority {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let mut roots = RootCertStore::empty();
                for root in self::certificates(pem).map_err(|error| refuse("clientAuthority", &error))? {
                    roots.add(root).map_err(|error| refuse("clientAuthority", &error))?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().map_err(|error| refuse("clientAuthority", &error))?)
            }
        };
        let mut server = builder.with_single_cert(certificates, key).map_err(|error| refuse("certificate", &error))?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(server)
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, rustls::pki_types::pem::Error> {
    CertificateDer::pem_slice_iter(pem).collect()
}
