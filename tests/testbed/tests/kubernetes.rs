//! The cluster test bed itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use testbed::{Kubernetes, KubernetesSettings};

const DEPLOYMENT: &str = r#"{
  "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
  "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
    "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "none"}]}}}
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_becomes_available_and_every_request_is_on_record() {
    let cluster = Kubernetes::start(KubernetesSettings::new().fake_nodes(1).audit()).await.unwrap();
    let manifest = cluster.folder().join("web.json");
    std::fs::write(&manifest, DEPLOYMENT).unwrap();
    cluster.kubectl(&["apply", "-f", manifest.to_str().unwrap()]).await.unwrap();
    cluster.kubectl(&["wait", "--for=condition=Available", "deployment/web", "--timeout=60s"]).await.unwrap();
    let refused = cluster.kubectl(&["get", "deployment", "none"]).await.unwrap_err();
    assert!(refused.to_string().contains("not found"), "{refused}");

    let until = Instant::now() + Duration::from_mins(1);
    loop {
        let events = cluster.audit().await.unwrap();
        let created = events.iter().any(|event| {
            let object = event.object_ref.clone().unwrap_or_default();
            event.user.username == "kubernetes-admin"
                && matches!(event.verb.as_str(), "create" | "patch")
                && (object.resource.as_str(), object.name.as_str()) == ("deployments", "web")
        });
        if created {
            break;
        }
        assert!(Instant::now() < until, "{} events, and none of them is ours", events.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    let folder = cluster.folder().to_owned();
    cluster.stop().await.unwrap();
    assert!(!folder.exists(), "it leaves nothing behind");
}
