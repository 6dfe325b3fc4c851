use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;

use http::Response;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use relay_core::relay::encode_request;
use relayer::config::{AuthenticationConfig, NodeTlsConfig, PoolConfig};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use testbed::Backend;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::backends::json_rpc;
use super::stage::{Stage, still, within};

/// An authority and what it has signed, as PEM files.
struct Papers {
    directory: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
}

impl Papers {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let papers = Self { directory: tempfile::tempdir().unwrap(), authority };
        std::fs::write(papers.file("ca"), papers.authority.pem()).unwrap();
        papers
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Signs a certificate into `<name>` and its key into `<name>.key`.
    fn sign(&self, name: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        std::fs::write(self.file(name), certificate.pem()).unwrap();
        std::fs::write(self.file(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// A node that speaks TLS, and only to those whose certificate the authority has signed. Gives its URL.
    async fn node(&self) -> String {
        let certificates = |name| vec![CertificateDer::from_pem_file(self.file(name)).unwrap()];
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates("ca"));
        let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let key = PrivateKeyDer::from_pem_file(self.file("node.key")).unwrap();
        let config = ServerConfig::builder().with_client_cert_verifier(verifier);
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(certificates("node"), key).unwrap()));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(async |_| {
                        Ok::<_, Infallible>(Response::new(r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#.to_owned()))
                    });
                    let _ =
                        auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        url
    }
}

// rule: G-03
#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_spoken_to_through_tls_with_files_of_its_own() {
    let papers = Papers::new();
    papers.sign("node");
    papers.sign("relayer");
    let url = papers.node().await;
    let stage = Stage::with(still(), |config| {
        let (certificate, key) = (Some(papers.file("relayer")), Some(papers.file("relayer.key")));
        let tls = NodeTlsConfig { authority: Some(papers.file("ca")), certificate, key };
        *json_rpc(config) = PoolConfig { tls: Some(tls), ..PoolConfig::of(url.clone()) };
    })
    .await;
    let answer = stage.send(&stage.relay(1).await).await.unwrap();
    assert!(answer.answer.body.ends_with(b"\"0x1\"}"));

    let stranger = stage.another(|config| *json_rpc(config) = PoolConfig::of(url)).await;
    let relay = encode_request(&stage.relay(2).await);
    let (status, _) = stage.client.post(&stranger.url(), relay.into()).await.unwrap();
    assert_eq!(status, 502, "without the authority's certificate the node is not believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_in_a_file_is_used_without_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "first").unwrap();
    let node = Backend::start().await.unwrap();
    let stage = Stage::with(still(), |config| {
        let authentication = AuthenticationConfig { bearer_token_file: Some(file.clone()), ..Default::default() };
        *json_rpc(config) = PoolConfig { authentication: Some(authentication), ..PoolConfig::of(node.url()) };
    })
    .await;
    stage.send(&stage.relay(0).await).await.unwrap();
    assert_eq!(node.heads()[0].headers["authorization"], "Bearer first");
    // No good secret: the last one stays in use.
    std::fs::write(&file, "").unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    stage.send(&stage.relay(1).await).await.unwrap();
    assert_eq!(node.heads()[1].headers["authorization"], "Bearer first");
    std::fs::write(&file, "second").unwrap();
    within(async {
        let mut number = 2;
        while node.heads().last().unwrap().headers["authorization"] != "Bearer second" {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            stage.send(&stage.relay(number).await).await.unwrap();
            number += 1;
        }
    })
    .await;
}
