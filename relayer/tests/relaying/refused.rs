use bytes::Bytes;
use relay_core::address::SecretKey;
use relay_core::client::sign_request;
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::encode_request;
use relay_core::ring::placeholder_public_key;
use relay_core::units::Height;
use sha2::{Digest, Sha256};

use super::stage::{Stage, payload, still};

fn bytes(request: &RelayRequest) -> Bytes {
    encode_request(request).into()
}

fn changed(request: &RelayRequest, change: impl FnOnce(&mut RelayRequest)) -> Bytes {
    let mut request = request.clone();
    change(&mut request);
    bytes(&request)
}

// rule: D-02, D-44
#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_their_status_and_are_never_recorded() {
    let stage = Stage::with(still().suppliers(2).services(2), |config| config.limits.request_bytes = 700_000).await;
    let (session, supplier, application) = (stage.session().await, stage.supplier(), stage.key("app1"));
    let good = stage.relay(1).await;
    let sign =
        |header: &_, key: &SecretKey, ring: &[_]| sign_request(header, ring, &supplier, payload(1), key).unwrap();

    let stranger = SecretKey::from_bytes(&[5; 32]).unwrap();
    let bad_ring = sign(&session.header, &stranger, &[*application.public_key(), *stranger.public_key()]);
    let mut foreign = session.header.clone();
    foreign.id = "ab".repeat(32).as_str().into();
    let mut shifted = session.header.clone();
    shifted.end = shifted.end + 1;
    let mut far = session.header.clone();
    (far.start, far.end) = (Height(50_000), Height(50_005));
    let mut elsewhere = session.header.clone();
    elsewhere.service = "svc2".into();
    let unstaked = SecretKey::from_bytes(&[6; 32]).unwrap();
    let mut nobody = session.header.clone();
    nobody.application = unstaked.address().clone();
    let large = payload_of(300_000);
    let unprovable =
        sign_request(&session.header, &session.ring, &supplier, payload_of(600_000), &application).unwrap();
    let other_supplier = stage.key("supplier2").address().clone();
    let wrong_supplier =
        sign_request(&session.header, &session.ring, &other_supplier, payload(1), &application).unwrap();
    let not_http =
        sign_request(&session.header, &session.ring, &supplier, Bytes::from_static(b"\xff\xff"), &application).unwrap();
    let many_members = vec![*application.public_key(); 40];

    let cases: Vec<(&str, Bytes, u16, &str)> = vec![
        ("nothing", Bytes::new(), 400, "invalid relay request"),
        ("noise", Bytes::from_static(b"{\"jsonrpc\":\"2.0\"}"), 400, "invalid relay request"),
        ("truncated", bytes(&good).slice(..bytes(&good).len() - 40), 400, "invalid relay request"),
        ("payload without HTTP", bytes(&not_http), 400, "invalid relay request"),
        ("oversize", Bytes::from(vec![0; 700_001]), 413, "request body too large"),
        ("too large for a proof", bytes(&unprovable), 413, "too large to be proven"),
        ("other service", bytes(&sign(&elsewhere, &application, &session.ring)), 404, "unknown service: svc2"),
        ("wrong supplier", bytes(&wrong_supplier), 503, "not registered with any miner"),
        ("no supplier", changed(&good, |relay| meta(relay).supplier_operator_address.clear()), 400, "missing supplier"),
        ("no signature", changed(&good, |relay| meta(relay).signature.clear()), 403, "missing application signature"),
        ("bad ring", bytes(&bad_ring), 403, "neither the application nor one of its gateways"),
        ("huge ring", bytes(&sign(&session.header, &application, &many_members)), 403, "at most 32 members"),
        ("broken signature", changed(&good, |relay| meta(relay).signature[40] ^= 1), 403, "ring signature"),
        ("other payload", changed(&good, |relay| relay.payload = large.clone()), 403, "does not fit this request"),
        ("foreign session", bytes(&sign(&foreign, &application, &session.ring)), 403, "session ID mismatch"),
        ("other end", bytes(&sign(&shifted, &application, &session.ring)), 403, "session end height mismatch"),
        ("far heights", bytes(&sign(&far, &application, &session.ring)), 400, "implausible session heights"),
        ("unknown application", bytes(&sign(&nobody, &application, &session.ring)), 403, "failed to get session"),
    ];
    for (what, body, status, text) in cases {
        let (seen, error) = stage.post(body).await;
        assert!(seen == status && error.contains(text), "{what}: expected {status} {text:?}, got {seen} {error:?}");
    }
    assert_eq!(stage.node.requests(), 0, "no bad request may reach the backend");
    assert!(stage.log().await.is_empty());
    stage.send(&good).await.expect("the good one is still good");
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.appended), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_placeholder_key_opens_nothing() {
    let stage = Stage::with(still().gateways(0), |_| {}).await;
    let (session, application) = (stage.session().await, stage.key("app1"));
    // The private key is the hash of a public text, plus one.
    let mut secret: [u8; 32] = Sha256::digest(b"placeholder_ring_key_for_apps_without_gateways").into();
    secret[31] += 1;
    let placeholder = SecretKey::from_bytes(&secret).unwrap();
    assert_eq!(*placeholder.public_key(), placeholder_public_key());
    let ring = [*application.public_key(), placeholder_public_key()];
    let forged = sign_request(&session.header, &ring, &stage.supplier(), payload(1), &placeholder).unwrap();
    let (status, error) = stage.post(bytes(&forged)).await;
    assert!(status == 403 && error.contains("placeholder"), "{status} {error}");
    let honest = sign_request(&session.header, &ring, &stage.supplier(), payload(1), &application).unwrap();
    stage.send(&honest).await.expect("the application may hide behind it");
    assert_eq!((stage.node.requests(), stage.log().await.len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_outside_of_the_session_is_refused() {
    let genesis = still().suppliers(2).param("session", serde_json::json!({"num_suppliers_per_session": 1}));
    let stage = Stage::with(genesis, |_| {}).await;
    let mut outside = None;
    for _ in 0..40 {
        let session = stage.session().await;
        if session.suppliers.iter().all(|supplier| supplier.operator != stage.supplier()) {
            outside = Some(session);
            break;
        }
        stage.advance(6).await;
    }
    let session = outside.expect("one of two suppliers is drawn each time");
    let request =
        sign_request(&session.header, &session.ring, &stage.supplier(), payload(1), &stage.key("app1")).unwrap();
    let (status, error) = stage.post(bytes(&request)).await;
    assert!(status == 403 && error.contains("not found in session"), "{status} {error}");
    assert_eq!(stage.node.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_is_refused() {
    let stage = Stage::new().await;
    let request = stage.relay(1).await;
    stage.send(&request).await.unwrap();
    let (status, error) = stage.post(bytes(&request)).await;
    assert!(status == 409 && error.contains("already served"), "{status} {error}");
    stage.send(&stage.relay(1).await).await.expect("the same call signed anew is another relay");
    assert_eq!((stage.node.requests(), stage.log().await.len()), (2, 2));
    assert_eq!(stage.running.books("replayed").await, 1);
}

fn meta(relay: &mut RelayRequest) -> &mut relay_core::proto::pocket::service::RelayRequestMetadata {
    relay.meta.as_mut().unwrap()
}

fn payload_of(size: usize) -> Bytes {
    relay_core::client::json_rpc_payload(Bytes::from(vec![b' '; size]))
}
