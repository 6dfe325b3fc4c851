use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use relay_core::client::OpenSession;
use relay_core::relay::RpcType;
use relayer::config::{HandshakeMode, PoolConfig};
use tokio_tungstenite::tungstenite::Message;

use super::super::stage::{SERVICE, Stage};
use super::gateway::Gateway;
use super::stage;

/// The headers that gateways put around a handshake.
fn signed(stage: &Stage, session: &OpenSession) -> Vec<(&'static str, String)> {
    let header = &session.header;
    let request = stage.message_in(session, bytes::Bytes::new());
    let signature = request.meta.unwrap().signature;
    vec![
        ("target-service-id", SERVICE.to_owned()),
        ("app-address", header.application.as_str().to_owned()),
        ("rpc-type", "2".to_owned()),
        ("pocket-session-id", header.id.as_str().to_owned()),
        ("pocket-session-start-height", header.start.0.to_string()),
        ("pocket-session-end-height", header.end.0.to_string()),
        ("pocket-supplier-address", stage.supplier().as_str().to_owned()),
        ("pocket-signature", BASE64_STANDARD.encode(signature)),
    ]
}

/// Path, headers, and the status and text that they get.
type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], u16, &'a str);

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

// rule: R-01
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_socket_is_refused_with_a_status() {
    let (stage, node) = stage(|config| {
        let other = config.services[&SERVICE.into()].clone();
        let json_only = relayer::config::ServiceConfig {
            backends: other.backends.into_iter().filter(|(kind, _)| *kind == RpcType::JsonRpc).collect(),
            ..config.services[&SERVICE.into()].clone()
        };
        config.services.insert("json-only".into(), json_only);
    })
    .await;
    let cases: [Case<'_>; 6] = [
        ("/", &[], 400, "missing service ID"),
        ("/elsewhere", &[], 404, "unknown service: elsewhere"),
        ("/svc1", &[("target-service-id", "elsewhere")], 404, "unknown service: elsewhere"),
        ("/json-only", &[], 503, "service temporarily unavailable"),
        ("/svc1", &[("sec-websocket-version", "8")], 400, "invalid WebSocket handshake"),
        ("/svc1", &[("sec-websocket-key", "c2hvcnQ=")], 400, "invalid WebSocket handshake"),
    ];
    for (path, headers, status, text) in cases {
        let (seen, body) = Gateway::open(stage.running.relays, path, headers).await.err().unwrap();
        assert!(
            seen == status && body.contains(text),
            "{path} {headers:?}: expected {status} {text}, got {seen} {body}"
        );
    }
    assert!(node.handshakes().is_empty(), "nobody was asked for any of these");
    for (path, headers) in [("/svc1/deeper", &[][..]), ("/elsewhere", &[("x-forwarded-host", "svc1")][..])] {
        Gateway::open(stage.running.relays, path, headers).await.ok().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_hears_who_it_is_for_and_what_the_operator_wants_it_to_hear() {
    let (stage, node) = stage(|config| {
        let service = config.services.get_mut(&SERVICE.into()).unwrap();
        let pool: &mut PoolConfig = service.backends.get_mut(&RpcType::WebSocket).unwrap();
        pool.headers.insert("x-key".to_owned(), "of the operator".to_owned());
    })
    .await;
    let headers = signed(&stage, &stage.session().await);
    let mut gateway = Gateway::open(stage.running.relays, "/a/path?query", &borrowed(&headers)).await.ok().unwrap();
    gateway.send(&stage.message("hello").await).await;
    gateway.next().await;
    let [(path, seen)] = &node.handshakes()[..] else { panic!("one connection was expected") };
    assert_eq!(path, "/socket?key=1", "the caller chooses nothing of it");
    let seen = |name: &str| seen.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    assert_eq!(seen("host"), Some(node.address.to_string()));
    assert_eq!(seen("x-key").as_deref(), Some("of the operator"));
    assert_eq!(seen("pocket-service").as_deref(), Some(SERVICE));
    assert_eq!(seen("pocket-supplier"), Some(stage.supplier().as_str().to_owned()));
    assert_eq!(seen("pocket-application"), Some(stage.key("app1").address().as_str().to_owned()));
    assert_eq!((seen("pocket-signature"), seen("sec-websocket-extensions")), (None, None));
}

// rule: G-04
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_verified_where_that_is_wanted() {
    let (stage, node) = stage(|config| config.websocket.handshake = HandshakeMode::Verify).await;
    let session = stage.session().await;
    let good = signed(&stage, &session);
    let changed = |name: &str, value: &str| {
        let mut headers = good.clone();
        headers.iter_mut().find(|(other, _)| *other == name).unwrap().1 = value.to_owned();
        headers
    };
    let another = BASE64_STANDARD.encode(stage.message("with a payload").await.meta.unwrap().signature);
    let cases = [
        vec![("target-service-id", SERVICE.to_owned())],
        changed("pocket-signature", &another),
        changed("pocket-signature", "no base64!"),
        changed("pocket-session-end-height", "7"),
        changed("pocket-session-id", &"ab".repeat(32)),
    ];
    for headers in &cases {
        let (status, body) = Gateway::open(stage.running.relays, "/", &borrowed(headers)).await.err().unwrap();
        assert!(status == 403 && body.contains("relay validation failed"), "{headers:?}: {status} {body}");
    }
    assert!(node.handshakes().is_empty(), "no node hears of strangers");
    let mut gateway = Gateway::open(stage.running.relays, "/", &borrowed(&good)).await.ok().unwrap();
    gateway.send(&stage.message("hello").await).await;
    assert!(matches!(gateway.next().await, Message::Binary(_)));
    let again = Gateway::open(stage.running.relays, "/", &borrowed(&good)).await.err().unwrap();
    assert_eq!(again.0, 409, "whoever has seen a signature cannot use it again");
    assert_eq!(stage.log().await.len(), 1, "a handshake is no relay");
}

// rule: G-04
#[tokio::test(flavor = "multi_thread")]
async fn sockets_are_limited_in_all_and_by_application() {
    let (stage, node) = stage(|config| {
        config.websocket.connections = 3;
        config.websocket.connections_per_application = 1;
    })
    .await;
    let (mut first, mut second) = (stage.gateway().await, stage.gateway().await);
    first.send(&stage.message("hello").await).await;
    first.next().await;
    second.send(&stage.message("hello").await).await;
    assert_eq!(second.closed().await, (1013, "too many connections of this application".to_owned()));
    drop(second);
    node.until_open(1).await;
    let _more = (stage.gateway().await, stage.gateway().await);
    let refused = Gateway::open(stage.running.relays, "/svc1", &[]).await.err().unwrap();
    assert!(refused.0 == 503 && refused.1.contains("overloaded"), "{refused:?}");
    drop(first);
    node.until_open(2).await;
    let mut third = stage.gateway().await;
    third.send(&stage.message("there is room again").await).await;
    assert!(matches!(third.next().await, Message::Binary(_)));
}
