//! Requests that must be refused, with the right status, and never mined.

use bytes::Bytes;
use relay_core::address::Address;
use relay_core::client::{json_rpc_payload, sign_request};
use relay_core::proto::pocket::service::RelayRequest;
use relay_core::relay::encode_request;
use relay_core::ring::placeholder_public_key;
use relay_core::units::SessionId;
use serde_json::json;

use crate::gateway::{Gateway, targets};
use crate::log;
use crate::pool::Pool;
use crate::stage::{Stage, genesis};

/// Damages the signature: one bit in the middle of its scalars.
fn bad_ring(mut request: RelayRequest) -> RelayRequest {
    let signature = &mut request.meta.as_mut().unwrap().signature;
    let middle = signature.len() / 2;
    signature[middle] ^= 1;
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_are_refused_and_never_mined() {
    let suppliers = ["supplier1".to_owned()];
    let stage = Stage::start(genesis().suppliers(2)).await;
    let pool = Pool::new(&stage, "bad-requests", &suppliers, &["svc1"]);
    let mut relayer = pool.relayer("relayer", json!({"limits": {"requestBytes": 65536}}));
    relayer.role.ready().await;
    let gateway = Gateway::new(&stage, "app1", "svc1");
    let target = targets(&stage, &suppliers, &relayer.url).remove(0);
    let (_, good) = gateway.relay(&target).await.unwrap();
    let served = stage.backend.requests();

    let session = gateway.session().await;
    let (us, key) = (target.supplier.clone(), stage.key("app1"));
    let payload = || json_rpc_payload(Bytes::from_static(b"{}"));
    let signed = |header: &_, ring: &[_], supplier: &Address, key: &_| {
        Bytes::from(encode_request(&sign_request(header, ring, supplier, payload(), key).unwrap()))
    };
    let fresh = encode_request(&gateway.request(&us).await);
    let mut foreign = session.header.clone();
    foreign.id = SessionId::from("f".repeat(64));
    let stranger = stage.key("gateway1");
    let strangers = [*stranger.public_key(), *stage.key("dao").public_key()];
    let with_placeholder = [*key.public_key(), placeholder_public_key()];

    let cases: [(&str, Bytes, &[u16]); 8] = [
        ("bad ring signature", encode_request(&bad_ring(gateway.request(&us).await)).into(), &[400, 403]),
        ("ring of strangers", signed(&session.header, &strangers, &us, &stranger), &[403]),
        ("ring with the placeholder", signed(&session.header, &with_placeholder, &us, &key), &[403]),
        ("foreign session", signed(&foreign, &session.ring, &us, &key), &[400, 403]),
        ("another's supplier", signed(&session.header, &session.ring, &stage.address("supplier2"), &key), &[503]),
        ("truncated", Bytes::copy_from_slice(&fresh[..fresh.len() / 2]), &[400]),
        ("oversize", Bytes::from(vec![0; 70_000]), &[413]),
        ("no protobuf", Bytes::from_static(b"hello"), &[400]),
    ];
    for (what, body, statuses) in cases {
        let (status, text) = gateway.client.post(&relayer.url, body).await.unwrap();
        assert!(statuses.contains(&status.as_u16()), "{what}: {status} {text:?}");
    }
    // A good request is taken once. The second time it would be served for nothing: its relay is the same leaf.
    let once = Bytes::from(fresh);
    assert_eq!(gateway.client.post(&relayer.url, once.clone()).await.unwrap().0, 200);
    assert_eq!(gateway.client.post(&relayer.url, once).await.unwrap().0, 409);

    let recorded = log::read(&stage, &pool).await;
    assert!(recorded.hashes().contains(&good.hash));
    assert_eq!(recorded.relays(), 2, "the two good ones");
    assert_eq!(stage.backend.requests(), served + 1, "no bad request reached the backend");
}
