//! Certificates for servers on 127.0.0.1, made for one test.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;

use crate::Error;

/// An authority, and what it signed: a certificate for `127.0.0.1` and `localhost`, and one for a client. Files in PEM form that go
/// when this is dropped.
#[derive(Debug)]
pub struct Certificates {
    directory: TempDir,
}

impl Certificates {
    /// Makes all of them anew.
    pub fn generate() -> Result<Self, Error> {
        let directory =
            TempDir::with_prefix("certificates-").map_err(Error::io("make a directory for certificates"))?;
        let this = Self { directory };
        this.write().map_err(|error| Error::Certificates(error.to_string()))?;
        Ok(this)
    }

    fn write(&self) -> Result<(), Box<dyn std::error::Error>> {
        let mut authority = CertificateParams::new(Vec::new())?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "testbed authority");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
        std::fs::write(self.authority(), authority.pem())?;
        for (name, hosts) in [("server", vec!["127.0.0.1".to_owned(), "localhost".to_owned()]), ("client", Vec::new())]
        {
            let key = KeyPair::generate()?;
            let certificate = CertificateParams::new(hosts)?.signed_by(&key, &authority)?;
            std::fs::write(self.path(&format!("{name}.pem")), certificate.pem())?;
            std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem())?;
        }
        Ok(())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Where all of them are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The authority's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// The certificate and key of a server, or of a client.
    #[must_use]
    pub fn pair(&self, of: &str) -> (PathBuf, PathBuf) {
        (self.path(&format!("{of}.pem")), self.path(&format!("{of}.key")))
    }
}
