use relay_core::address::{Address, PublicKey};
use relay_core::chain::ChainError;
use relay_core::units::{ComputeUnits, Height, ServiceId, SessionId, Upokt};
use serde_json::json;
use testbed::proxy::Failure;
use testbed::{Faults, Genesis, Proxy};

use super::surroundings::{address, client, client_of, key, node, still};

fn nobody() -> Address {
    Address::from_payload(&[7; 20]).unwrap()
}

fn service() -> ServiceId {
    ServiceId::from("svc1")
}

#[tokio::test]
async fn every_question_gets_the_chains_answer() {
    let genesis = still().suppliers(3).account("app1", json!({"no_pubkey": true}));
    let running = testbed::Chain::start(genesis).await.unwrap();
    running.advance_to(9).await.unwrap();
    let chain = client(&running);
    let (application, supplier) = (address(&running, "app1"), address(&running, "supplier1"));

    assert_eq!(chain.shared_params().await.unwrap().num_blocks_per_session, 6);
    assert_eq!(chain.params_at(Height(7)).await.unwrap().num_blocks_per_session, 6);
    assert_eq!(chain.session_params().await.unwrap().num_suppliers_per_session, 5);
    assert!((chain.proof_params().await.unwrap().proof_request_probability - 0.25).abs() < f64::EPSILON);
    assert!(chain.supplier_params().await.unwrap().min_stake.is_some());
    assert_eq!(chain.difficulty_at(&service(), Height(7)).await.unwrap(), [0xff; 32], "none recorded: the easiest");
    assert_eq!(chain.compute_units_at(&service(), Height(7)).await.unwrap(), ComputeUnits(1000));
    assert_eq!(chain.service(&service()).await.unwrap().compute_units_per_relay, 1000);
    assert_eq!(chain.supplier(&supplier).await.unwrap().services.len(), 1);
    assert_eq!(chain.application(&application).await.unwrap().delegatee_gateway_addresses.len(), 1);
    let (height, balance) = chain.balance(&supplier).await.unwrap();
    assert_eq!((height, balance), (Height(9), Upokt(1_000_000_000_000)));

    let account = chain.account(&supplier).await.unwrap();
    assert_eq!(
        account.public_key.as_ref().map(PublicKey::as_bytes),
        Some(key(&running, "supplier1").public_key().as_bytes())
    );
    assert_eq!(chain.account(&application).await.unwrap().public_key, None);

    let session = chain.session_at(&application, &service(), Height(7)).await.unwrap();
    assert_eq!(session.suppliers.len(), 3);
    let header = session.header.as_ref().unwrap();
    assert_eq!((header.session_start_block_height, header.session_end_block_height), (7, 12));

    let (height, claims) = chain.claims_of(&supplier).await.unwrap();
    assert_eq!((height, claims.len()), (Height(9), 0));
    let (height, claim) = chain.claim(&SessionId::from(header.session_id.as_str()), &supplier).await.unwrap();
    assert_eq!((height, claim), (Height(9), None), "also a refusal says where it was read");

    let limits = chain.consensus_limits().await.unwrap();
    assert!(limits.max_bytes.is_some_and(|bytes| bytes > 100_000));
}

#[tokio::test]
async fn blocks_and_identity() {
    let running = testbed::Chain::start(still()).await.unwrap();
    running.advance_to(5).await.unwrap();
    let chain = client(&running);
    let status = chain.status().await.unwrap();
    assert_eq!((status.chain_id.as_str(), status.height, status.catching_up), ("pocket", Height(5), false));
    let (first, second) = (chain.block(Height(1)).await.unwrap(), chain.block(Height(2)).await.unwrap());
    assert_eq!((first.parent, second.parent), ([0; 32], first.hash));
    assert!(second.time > first.time);
    let identity = chain.identity().await.unwrap();
    assert_eq!((identity.chain_id.as_str(), identity.height, identity.hash), ("pocket", Height(1), first.hash));
    assert_eq!(chain.latest_block().await.unwrap().height, Height(5));
    assert!(matches!(chain.block(Height(6)).await, Err(ChainError::TooHigh { .. })));
    running.advance(1).await.unwrap();
    assert_eq!(chain.block(Height(6)).await.unwrap().height, Height(6), "a height that was too high is asked again");
    assert_eq!(chain.block_results(Height(6)).await.unwrap().height, Height(6));
    assert!(chain.block_results(Height(7)).await.unwrap_err().is_transient());
}

#[tokio::test]
async fn what_does_not_exist_is_not_found_and_the_rest_is_refused() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let chain = client(&running);
    let missing = |error: ChainError| matches!(error, ChainError::NotFound { height: Height(1), .. });
    assert!(missing(chain.application(&nobody()).await.unwrap_err()));
    assert!(missing(chain.supplier(&nobody()).await.unwrap_err()));
    assert!(missing(chain.account(&nobody()).await.unwrap_err()));
    assert!(missing(chain.service(&ServiceId::from("nope")).await.unwrap_err()));
    let refused = chain.session_at(&nobody(), &service(), Height(1)).await.unwrap_err();
    assert!(matches!(refused, ChainError::Refused { .. }), "{refused}");
    let refused = chain.params_at(Height(-1)).await.unwrap_err();
    assert!(matches!(refused, ChainError::InvalidArgument { .. }), "{refused}");
    let application = address(&running, "app1");
    let future = chain.session_at(&application, &service(), Height(1000)).await.unwrap_err();
    assert!(future.is_transient(), "{future}");
}

#[tokio::test]
async fn answers_about_the_past_are_kept_and_guesses_about_the_future_are_not() {
    let running = testbed::Chain::start(Genesis::new().block_time(std::time::Duration::from_millis(20))).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    let chain = client_of(vec![node("proxied", &proxy.rpc(), &proxy.grpc())]);
    let application = address(&running, "app1");
    let now = chain.status().await.unwrap().height;
    chain.params_at(now).await.unwrap();
    chain.params_at(now + 1_000_000).await.unwrap();
    chain.session_at(&application, &service(), Height(1)).await.unwrap();
    chain.shared_params().await.unwrap();

    proxy.set(Faults { cut: true, ..Faults::default() });
    chain.params_at(now).await.unwrap();
    chain.session_at(&application, &service(), Height(1)).await.unwrap();
    assert!(chain.params_at(now + 1_000_000).await.unwrap_err().is_transient());
    chain.shared_params().await.unwrap();
    let claims = chain.claims_of(&address(&running, "supplier1")).await;
    assert!(claims.unwrap_err().is_transient(), "claims are never served from memory");
}

// rule: R-09, S-1
#[tokio::test]
async fn a_node_that_has_just_restarted_proves_nothing() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    let chain = client_of(vec![node("proxied", &proxy.rpc(), &proxy.grpc())]);
    proxy.set_grpc(Faults::failing(Failure::not_ready()));
    let supplier = address(&running, "supplier1");
    assert!(chain.claims_of(&supplier).await.unwrap_err().is_transient());
    assert!(chain.claim(&SessionId::from("00"), &supplier).await.unwrap_err().is_transient());
    assert!(chain.application(&nobody()).await.unwrap_err().is_transient());
    proxy.heal();
    assert!(matches!(chain.application(&nobody()).await, Err(ChainError::NotFound { .. })));
}

// rule: G-06
#[tokio::test]
async fn another_node_answers_when_the_preferred_one_cannot() {
    let running = testbed::Chain::start(still()).await.unwrap();
    running.advance_to(20).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    let nodes = vec![
        node("gone", "http://127.0.0.1:1", "127.0.0.1:1"),
        node("proxied", &proxy.rpc(), &proxy.grpc()),
        node("own", running.rpc(), &running.grpc()),
    ];
    let chain = client_of(nodes);
    assert_eq!(chain.status().await.unwrap().node, "proxied");
    assert_eq!(chain.block(Height(20)).await.unwrap().height, Height(20));

    proxy.set(Faults { delay: std::time::Duration::MAX, ..Faults::default() });
    assert_eq!(chain.status().await.unwrap().node, "own");
    assert_eq!(chain.balance(&address(&running, "supplier1")).await.unwrap().0, Height(20));

    proxy.set(Faults::lagging(5));
    let fresh =
        client_of(vec![node("lagging", &proxy.rpc(), &proxy.grpc()), node("own", running.rpc(), &running.grpc())]);
    assert_eq!(fresh.status().await.unwrap().height, Height(15));
    assert_eq!(fresh.block(Height(18)).await.unwrap().height, Height(18), "from the node that has it");
    let application = address(&running, "app1");
    let session = fresh.session_at(&application, &service(), Height(19)).await.unwrap();
    assert_eq!(session.header.as_ref().unwrap().session_start_block_height, 19);
    assert_eq!(fresh.balance(&application).await.unwrap().0, Height(15), "the height tells how old an answer is");
}

// rule: H-08
#[tokio::test]
async fn a_node_of_another_chain_is_found_out() {
    let ours = testbed::Chain::start(still()).await.unwrap();
    let foreign = testbed::Chain::start(still().with("chain_id", json!("pocket-other"))).await.unwrap();
    let mut config = relay_core::chain::ChainConfig::new(vec![
        node("foreign", foreign.rpc(), &foreign.grpc()),
        node("own", ours.rpc(), &ours.grpc()),
    ]);
    config.chain_id = Some("pocket".to_owned());
    let chain = relay_core::chain::Chain::new(&config).unwrap();
    assert_eq!(chain.status().await.unwrap().node, "own");
    // The foreign node's account of the same name has another state: asked through gRPC, it is left out as well.
    foreign.advance(30).await.unwrap();
    assert_eq!(chain.balance(&address(&ours, "supplier1")).await.unwrap().0, Height(1));
    config.nodes.pop();
    let alone = relay_core::chain::Chain::new(&config).unwrap();
    assert!(matches!(alone.status().await, Err(ChainError::ForeignChain { .. })));
}
