use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use relay_core::config::Period;
use relay_core::relay::encode_request;
use relayer::config::TlsConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::curl::curl;
use super::stage::{Stage, still, within};

/// A certificate authority.
fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = named("authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// OpenSSL takes a certificate that is named as its authority for one that signed itself.
fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// Writes NAME.pem and NAME.key, signed by it.
fn issue(authority: &CertifiedIssuer<'static, KeyPair>, directory: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    params.distinguished_name = named(name);
    let certificate = params.signed_by(&key, authority).unwrap();
    std::fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    std::fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
}

async fn stage(directory: &Path, client_authority: bool) -> Stage {
    let tls = TlsConfig {
        certificate: directory.join("server.pem"),
        key: directory.join("server.key"),
        client_authority: client_authority.then(|| directory.join("ca.pem")),
    };
    Stage::with(still(), |config| {
        config.tls = Some(tls);
        config.limits.receive_timeout = Period::from_secs(2);
    })
    .await
}

async fn connect(stage: &Stage, trusted: &str) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(stage.running.relays).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await
}

/// Asks for the health and keeps the connection.
async fn ask(stream: &mut TlsStream<TcpStream>) -> String {
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut reply = vec![0; 1024];
    let length = within(stream.read(&mut reply)).await.unwrap();
    String::from_utf8_lossy(&reply[..length]).into_owned()
}

// rule: G-03
#[tokio::test(flavor = "multi_thread")]
async fn relays_come_over_tls_with_either_version_of_http() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), authority());
    let root = directory.path().join("ca.pem");
    std::fs::write(&root, authority.pem()).unwrap();
    issue(&authority, directory.path(), "server");
    let stage = stage(directory.path(), false).await;
    let url = format!("https://{}", stage.running.relays);
    for (version, line) in [("--http1.1", "http/1.1 200"), ("--http2", "http/2 200")] {
        let request = stage.relay(1).await;
        let arguments = [version, "--cacert", root.to_str().unwrap(), &url];
        let reply = curl(&arguments, encode_request(&request)).await.unwrap();
        assert!(reply.head.starts_with(line), "{}", reply.head);
        relay_core::client::verify(&request, reply.body, stage.key("supplier1").public_key()).unwrap();
    }
    let plain = curl(&[&stage.url()], "").await;
    assert!(plain.is_err(), "there is no way around it: {plain:?}");
    assert_eq!(stage.log().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_and_open_connections_stay() {
    let (directory, first, second) = (tempfile::tempdir().unwrap(), authority(), authority());
    issue(&first, directory.path(), "server");
    let stage = stage(directory.path(), false).await;
    let mut old = connect(&stage, &first.pem()).await.unwrap();
    assert!(ask(&mut old).await.starts_with("HTTP/1.1 200"));
    assert!(connect(&stage, &second.pem()).await.is_err());

    std::fs::write(directory.path().join("server.key"), "half a k").unwrap();
    tokio::time::sleep(Duration::from_secs(5)).await;
    connect(&stage, &first.pem()).await.expect("files that cannot be used change nothing");

    issue(&second, directory.path(), "server");
    let mut new = within(async {
        loop {
            if let Ok(stream) = connect(&stage, &second.pem()).await {
                return stream;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert!(ask(&mut new).await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut old).await.starts_with("HTTP/1.1 200"), "its connection is still there");
}

// rule: G-03
#[tokio::test(flavor = "multi_thread")]
async fn with_an_authority_for_callers_nobody_else_is_served() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), authority());
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("ca.pem"), authority.pem()).unwrap();
    issue(&authority, directory.path(), "server");
    issue(&authority, directory.path(), "gateway");
    issue(&self::authority(), directory.path(), "stranger");
    let stage = stage(directory.path(), true).await;
    let (url, root) = (format!("https://{}", stage.running.relays), path("ca.pem"));
    let with = |name: &str| (path(&format!("{name}.pem")), path(&format!("{name}.key")));
    let body = encode_request(&stage.relay(1).await);
    let (certificate, key) = with("gateway");
    let arguments = ["--cacert", &root, "--cert", &certificate, "--key", &key, &url];
    assert_eq!(curl(&arguments, body.clone()).await.unwrap().status, 200);
    let (certificate, key) = with("stranger");
    let arguments = ["--cacert", &root, "--cert", &certificate, "--key", &key, &url];
    assert!(curl(&arguments, body.clone()).await.is_err());
    assert!(curl(&["--cacert", &root, &url], body).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_never_end_hold_up_nobody_and_are_cut() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), authority());
    issue(&authority, directory.path(), "server");
    let stage = stage(directory.path(), false).await;
    let mut silent = Vec::new();
    for begin in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n"] {
        let mut stream = TcpStream::connect(stage.running.relays).await.unwrap();
        stream.write_all(begin).await.unwrap();
        silent.push(stream);
    }
    let mut stream = connect(&stage, &authority.pem()).await.unwrap();
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200"));
    for mut stream in silent {
        let _ = within(stream.read_to_end(&mut Vec::new())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_whose_certificate_cannot_be_used_does_not_start() {
    let (directory, authority) = (tempfile::tempdir().unwrap(), authority());
    issue(&authority, directory.path(), "server");
    let stage = stage(directory.path(), false).await;
    for (certificate, key) in
        [("missing.pem", "server.key"), ("server.key", "server.key"), ("server.pem", "server.pem")]
    {
        let mut config = stage.config();
        let path = |name| directory.path().join(name);
        config.tls = Some(TlsConfig { certificate: path(certificate), key: path(key), client_authority: None });
        let error = relayer::Relayer::bind(config, None).await.unwrap_err().to_string();
        assert!(error.starts_with("tls: "), "{error}");
    }
}
