//! Redis over TLS, and logins.

use std::time::{Duration, Instant};

use testbed::{Certificates, Redis};

use super::scene::{answering, append, chain, relays};
use crate::config::Period;
use crate::store::{Store, StoreConfig, StoreError, inspect};

fn config(url: &str, certificates: &Certificates) -> StoreConfig {
    StoreConfig {
        url: url.to_owned(),
        ca_file: Some(certificates.authority()),
        prefix: "test".into(),
        open_timeout: Period::from_secs(20),
        ..StoreConfig::default()
    }
}

async fn refusal(config: StoreConfig) -> StoreError {
    let started = Instant::now();
    let error = Store::open(config, chain()).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(10), "it is final, not waited out");
    error
}

#[tokio::test]
async fn a_server_whose_authority_is_known_is_talked_to() {
    let certificates = Certificates::generate().unwrap();
    let (_redis, url) = Redis::start_tls(&certificates, false).await.unwrap();
    let store = Store::open(config(&url, &certificates), chain()).await.unwrap();
    append(&store, "s1", &["a"]).await;
    assert_eq!(relays(&store, "s1").await, ["a"]);
    let named = url.replace("127.0.0.1", "localhost");
    inspect(&config(&named, &certificates), Some(&chain())).await.unwrap();
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_refused_with_advice() {
    let (certificates, others) = (Certificates::generate().unwrap(), Certificates::generate().unwrap());
    let (_redis, url) = Redis::start_tls(&certificates, false).await.unwrap();
    for config in [config(&url, &others), StoreConfig { ca_file: None, ..config(&url, &certificates) }] {
        let error = refusal(config).await;
        assert!(matches!(error, StoreError::Untrusted { .. }), "{error}");
        assert!(error.to_string().contains("caFile"), "{error}");
    }
}

#[tokio::test]
async fn our_own_certificate_is_shown_where_it_is_asked_for() {
    let certificates = Certificates::generate().unwrap();
    let (_redis, url) = Redis::start_tls(&certificates, true).await.unwrap();
    let (cert_file, key_file) = certificates.pair("client");
    let with = StoreConfig { cert_file: Some(cert_file), key_file: Some(key_file), ..config(&url, &certificates) };
    let store = Store::open(with, chain()).await.unwrap();
    append(&store, "s1", &["a"]).await;
    let without = StoreConfig { open_timeout: Period::from_millis(500), ..config(&url, &certificates) };
    let error = Store::open(without, chain()).await.unwrap_err();
    assert!(error.to_string().contains("certFile"), "{error}");
}

#[tokio::test]
async fn certificates_are_read_anew_with_each_connection() {
    let (old, new) = (Certificates::generate().unwrap(), Certificates::generate().unwrap());
    let (mut redis, url) = Redis::start_tls(&old, false).await.unwrap();
    let store = Store::open(config(&url, &old), chain()).await.unwrap();
    append(&store, "s1", &["a"]).await;
    // Both sides get new ones under the old names.
    for file in ["authority.pem", "server.pem", "server.key"] {
        std::fs::copy(new.directory().join(file), old.directory().join(file)).unwrap();
    }
    redis.restart().await.unwrap();
    answering(&store).await;
    append(&store, "s1", &["b"]).await;
    assert_eq!(relays(&store, "s1").await, ["a", "b"]);
}

#[tokio::test]
async fn files_that_are_missing_or_do_not_belong_are_named() {
    let certificates = Certificates::generate().unwrap();
    let (redis, url) = Redis::start_tls(&certificates, false).await.unwrap();
    let missing = StoreConfig { ca_file: Some("/nowhere/ca.pem".into()), ..config(&url, &certificates) };
    let error = refusal(missing).await.to_string();
    assert!(error.contains("caFile") && error.contains("/nowhere/ca.pem"), "{error}");
    let half = StoreConfig { cert_file: Some(certificates.pair("client").0), ..config(&url, &certificates) };
    assert!(refusal(half).await.to_string().contains("keyFile"));
    let plain = refusal(config(&redis.url(), &certificates)).await.to_string();
    assert!(plain.contains("rediss://"), "{plain}");
    // The wrong kind of port is not waited for in silence either.
    let wrong = StoreConfig {
        open_timeout: Period::from_millis(500),
        ..config(&redis.url().replace("redis:", "rediss:"), &certificates)
    };
    Store::open(wrong, chain()).await.unwrap_err();
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_repeated() {
    let redis = Redis::start_with(&[("requirepass", "right-secret")]).await.unwrap();
    for credentials in [":wrong-secret@", "nobody:wrong-secret@", ""] {
        let url = format!("redis://{credentials}127.0.0.1:{}", redis.port());
        let error = refusal(StoreConfig { url, ..StoreConfig::default() }).await;
        assert!(matches!(error, StoreError::Denied { .. }), "{credentials}: {error}");
        let text = error.to_string();
        assert!(text.contains("redis.url") && text.contains(&redis.port().to_string()), "{text}");
        assert!(!text.contains("secret"), "{text}");
    }
    let config =
        StoreConfig { url: format!("redis://:right-secret@127.0.0.1:{}", redis.port()), ..StoreConfig::default() };
    let store = Store::open(config.clone(), chain()).await.unwrap();
    assert!(!format!("{config:?} {store:?}").contains("secret"));
}
