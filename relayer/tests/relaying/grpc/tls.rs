use std::sync::Arc;

use relayer::config::{NodeTlsConfig, PoolConfig};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;
use tonic_health::pb::HealthCheckResponse;

use super::call::{GrpcStage, WATCH, ask, backend, hash, number, only, unframed};
use super::node::Node;
use crate::stage::within;

// rule: D-18, G-03
#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_grpc_is_spoken_to_through_tls() {
    let certified = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca");
    std::fs::write(&authority, certified.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(vec![certified.cert.der().clone()], key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let node = Node::start_tls(TlsAcceptor::from(Arc::new(config))).await;
    let url = format!("grpcs://{}", node.address);
    let tls = NodeTlsConfig { authority: Some(authority), ..Default::default() };
    let pool = PoolConfig { tls: Some(tls), ..PoolConfig::of(url.clone()) };
    let stage = GrpcStage::on(node, |config| backend(config, pool)).await;

    let request = stage.check().await;
    let response = stage.send(&request).await.unwrap();
    let answer = stage.verified(&request, &response).answer;
    assert_eq!(
        (unframed::<HealthCheckResponse>(&answer.body).status, &answer.headers["grpc-status"]),
        (1, &"0".parse().unwrap())
    );
    let watching = stage.call(WATCH, &[ask("")]).await;
    let first = within(stage.stream(only(&watching)).await.message()).await.unwrap().unwrap();
    assert_eq!(number(&stage.verified(&watching, &first)), 1);
    let mut expected = [hash(&request, &response), hash(&watching, &first)];
    expected.sort_unstable();
    assert_eq!(stage.log().await, expected);

    let stranger = stage.stage.another(|config| backend(config, PoolConfig::of(url))).await;
    let mut client =
        relay_core::proto::pocket::service::relay_service_client::RelayServiceClient::connect(stranger.url())
            .await
            .unwrap();
    let response = client.send_relay(stage.check().await).await.unwrap().into_inner();
    assert_eq!(response.relay_miner_error.unwrap().code, 500, "without its certificate the node is not believed");
}
