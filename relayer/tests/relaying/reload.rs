use std::path::PathBuf;
use std::time::Duration;

use relay_core::address::SecretKey;
use relay_core::config::Period;
use relayer::config::{ServiceConfig, UnknownKeys};
use relayer::{Config, ConfigFile, Relayer};
use serde_json::Value;
use testbed::{Backend, Behaviour};

use super::stage::{Running, SERVICE, Stage, still, within};

/// A relayer beside the stage's own that watches a file of its own.
pub(crate) struct Watching {
    config: Config,
    path: PathBuf,
    pub(crate) running: Running,
    _folder: tempfile::TempDir,
}

impl Watching {
    pub(crate) async fn start(stage: &Stage, every: Period) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("relayer.yaml");
        let config = stage.config();
        write(&path, &config);
        let (loaded, file) = ConfigFile::load(&path, UnknownKeys::Refused).unwrap();
        let read = loaded.config;
        assert_eq!(read, config);
        let running = Running::of(Relayer::bind(read, Some(file.every(every))).await.unwrap());
        running.until_ready().await;
        Self { config, path, running, _folder: folder }
    }

    pub(crate) fn change(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        write(&self.path, &self.config);
    }

    async fn until(&self, what: impl Fn(&Value) -> bool) -> Value {
        within(async {
            loop {
                let status = self.running.status().await;
                if what(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await
    }

    /// The hash that the file has now, as the operator computes it.
    fn hash(&self) -> Value {
        use sha2::{Digest, Sha256};
        hex::encode(Sha256::digest(std::fs::read(&self.path).unwrap())).into()
    }

    pub(crate) async fn until_applied(&self) -> Value {
        let hash = self.hash();
        self.until(|status| status["configHash"] == hash && status["configRefused"].is_null()).await
    }
}

fn write(path: &std::path::Path, config: &Config) {
    // Every JSON text is YAML. Written beside and renamed, as careful tools do.
    let beside = path.with_extension("new");
    std::fs::write(&beside, serde_json::to_string_pretty(config).unwrap()).unwrap();
    std::fs::rename(beside, path).unwrap();
}

pub(crate) const SOON: Period = Period::from_millis(50);

// rule: G-01
#[tokio::test(flavor = "multi_thread")]
async fn services_and_backends_change_while_relays_are_in_progress() {
    let stage = Stage::with(still().services(2), |_| {}).await;
    let mut watching = Watching::start(&stage, SOON).await;
    let (url, supplier) = (watching.running.url(), *stage.key("supplier1").public_key());
    stage.client.send(&url, &stage.relay(1).await, &supplier).await.unwrap();
    assert_eq!(stage.node.requests(), 1);

    stage.node.behave(Behaviour { delay: Duration::from_millis(800), ..Behaviour::default() });
    let slow = stage.relay(2).await;
    let in_progress = tokio::spawn({
        let (client, url) = (stage.client.clone(), url.clone());
        async move { client.send(&url, &slow, &supplier).await }
    });
    within(async {
        while stage.node.requests() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let other = Backend::start().await.unwrap();
    watching.change(|config| {
        let service = ServiceConfig::json_rpc(other.url(), Period::from_secs(20));
        config.services.insert(SERVICE.into(), service.clone());
        config.services.insert("svc2".into(), service);
    });
    let status = watching.until_applied().await;
    assert_eq!(status["services"].as_array().unwrap().len(), 2);
    stage.client.send(&url, &stage.relay(3).await, &supplier).await.unwrap();
    assert_eq!((stage.node.requests(), other.requests()), (2, 1), "the next relay goes to the new node");
    in_progress.await.unwrap().expect("the one in progress is answered by the old one");

    watching.change(|config| drop(config.services.remove(&SERVICE.into())));
    watching.until_applied().await;
    let refused = stage.client.send(&url, &stage.relay(4).await, &supplier).await.unwrap_err().to_string();
    assert!(refused.contains("unknown service"), "{refused}");
    let entries = watching.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.unexplained()), (3, 0));
}

// rule: G-01
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_outlives_a_change() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let stage = Stage::new().await;
    let mut watching = Watching::start(&stage, SOON).await;
    let mut kept = tokio::net::TcpStream::connect(watching.running.relays).await.unwrap();
    let mut answer = [0; 4096];
    for timeout in [7, 8, 9] {
        watching.change(|config| {
            for service in config.services.values_mut() {
                service.timeout = Period::from_secs(timeout);
            }
        });
        watching.until_applied().await;
        let body = relay_core::relay::encode_request(&stage.relay(1).await);
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        kept.write_all(&[head.as_bytes(), &body].concat()).await.unwrap();
        let length = within(kept.read(&mut answer)).await.unwrap();
        let answer = String::from_utf8_lossy(&answer[..length]);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

// rule: G-01
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_as_a_whole_and_said() {
    let stage = Stage::new().await;
    let mut watching = Watching::start(&stage, SOON).await;
    let applied = watching.hash();
    let url = watching.running.url();
    let supplier = *stage.key("supplier1").public_key();
    let mut bad = watching.config.clone();
    bad.services.clear();
    let mut no_keys = watching.config.clone();
    no_keys.keys.directory = Some("/nowhere/at/all".into());
    no_keys.services.insert("svc2".into(), ServiceConfig::json_rpc("http://127.0.0.1:1", Period::from_secs(1)));
    let mut level = watching.config.clone();
    level.logs.level = "verbose".to_owned();
    let text = |config: &Config| serde_json::to_string(config).unwrap();
    for (content, reason) in [
        (text(&bad), "services: is empty"),
        ("listen: [".to_owned(), "relayer.yaml"),
        (text(&no_keys), "/nowhere/at/all"),
        (text(&level), "verbose"),
    ] {
        std::fs::write(&watching.path, content).unwrap();
        let hash = watching.hash();
        let status = watching.until(|status| status["configRefused"]["hash"] == hash).await;
        let told = status["configRefused"]["reason"].as_str().unwrap();
        assert!(told.contains(reason), "{told}");
        assert_eq!((&status["configHash"], status["services"].as_array().unwrap().len()), (&applied, 1));
        stage.client.send(&url, &stage.relay(1).await, &supplier).await.expect("the old one stays in force");
    }
    let (_, metrics) = watching.running.get("/metrics").await;
    assert!(metrics.contains("ha_relayer_config_reload_failures_total{source=\"config\"} 4"), "{metrics}");
    std::fs::remove_file(&watching.path).unwrap();
    watching.until(|status| status["configRefused"]["hash"].is_null() && !status["configRefused"].is_null()).await;
    watching.change(|config| config.validation = relayer::config::ValidationMode::Optimistic);
    watching.until_applied().await;
}

// rule: G-01
#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_named_and_the_rest_is_applied() {
    let stage = Stage::new().await;
    let mut watching = Watching::start(&stage, SOON).await;
    let relays = watching.running.relays;
    watching.change(|config| {
        config.listen = "127.0.0.1:1".to_owned();
        config.redis.prefix = "other".to_owned();
        config.services.insert("svc2".into(), ServiceConfig::json_rpc("http://127.0.0.1:1", Period::from_secs(1)));
    });
    let status = watching.until_applied().await;
    assert_eq!(status["needsRestart"], serde_json::json!(["listen", "redis.prefix"]));
    assert_eq!(status["services"].as_array().unwrap().len(), 2);
    assert_eq!(super::stage::get(relays, "/ready/svc2").await.0, 200);
    watching.change(|config| {
        config.listen = "127.0.0.1:0".to_owned();
        config.redis.prefix = super::stage::PREFIX.to_owned();
    });
    assert_eq!(watching.until_applied().await["needsRestart"], serde_json::json!([]));
}

// rule: G-01
#[tokio::test(flavor = "multi_thread")]
async fn keys_come_and_go_while_relays_are_in_progress() {
    let stage = Stage::with(still().suppliers(2), |_| {}).await;
    let mut watching = Watching::start(&stage, SOON).await;
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    std::fs::create_dir(&keys).unwrap();
    let place = |name: &str| {
        let key: SecretKey = stage.key(name);
        let text = &stage.chain.account(name).unwrap().private_key;
        std::fs::write(keys.join(key.address().as_str()), text).unwrap();
    };
    place("supplier1");
    watching.change(|config| config.keys.directory = Some(keys.clone()));
    let before = watching.until_applied().await;
    place("supplier2");
    let both = watching.until(|status| status["keys"] == 2).await;
    assert_ne!(both["keysFingerprint"], before["keysFingerprint"]);
    let (url, session) = (watching.running.url(), stage.session().await);
    let (one, two) = (stage.key("supplier1"), stage.key("supplier2"));
    let relay = |to: &SecretKey| {
        let payload = super::stage::payload(1);
        relay_core::client::sign_request(&session.header, &session.ring, to.address(), payload, &stage.key("app1"))
    };
    stage.client.send(&url, &relay(&two).unwrap(), two.public_key()).await.expect("served at once");

    stage.node.behave(Behaviour { delay: Duration::from_millis(800), ..Behaviour::default() });
    let requests = stage.node.requests();
    let slow = relay(&one).unwrap();
    let removal = async {
        while stage.node.requests() == requests {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::fs::remove_file(keys.join(one.address().as_str())).unwrap();
        watching.until(|status| status["keys"] == 1).await;
        stage.client.send(&url, &relay(&one).unwrap(), one.public_key()).await
    };
    let (finished, refused) =
        within(async { tokio::join!(stage.client.send(&url, &slow, one.public_key()), removal) }).await;
    finished.expect("a relay in progress is signed with the key that it came for");
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("not registered with any miner"), "{refused}");

    std::fs::rename(&keys, folder.path().join("gone")).unwrap();
    let status = watching.until(|status| !status["keysRefused"].is_null()).await;
    assert_eq!(status["keys"], 1, "a directory that has gone takes no key away");
    let (_, metrics) = watching.running.get("/metrics").await;
    assert!(metrics.contains("ha_relayer_config_reload_failures_total{source=\"keys\"} 1"), "{metrics}");
}

// rule: G-01
#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_signal_makes_it_look_at_once() {
    let stage = Stage::new().await;
    let mut watching = Watching::start(&stage, Period::from_secs(100_000)).await;
    watching.change(|config| {
        config.services.insert("svc2".into(), ServiceConfig::json_rpc("http://127.0.0.1:1", Period::from_secs(1)));
    });
    let kill = std::process::Command::new("kill").args(["-HUP", &std::process::id().to_string()]).status().unwrap();
    assert!(kill.success());
    watching.until_applied().await;
}
