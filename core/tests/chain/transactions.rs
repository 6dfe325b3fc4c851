use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use relay_core::address::SecretKey;
use relay_core::chain::events::{ChainEvent, ClaimKey, Expiration};
use relay_core::chain::tx::{Draft, GasPrice, SHORTEST_TIMEOUT, SignedTx, Timestamps, adjusted_gas, claim, send};
use relay_core::chain::{Cause, Chain, ChainTime, Simulation, Verdict};
use relay_core::proto::pocket::proof::MsgCreateClaim;
use relay_core::proto::pocket::session::Session;
use relay_core::units::{Height, ServiceId, Upokt};
use serde_json::json;
use testbed::proxy::Failure;
use testbed::{Faults, Proxy};

use super::surroundings::{address, client, client_of, key, node, still};

/// Signs with a fee for 200 000 gas.
async fn signed(chain: &Chain, key: &SecretKey, messages: Vec<prost_types::Any>, timeout: ChainTime) -> SignedTx {
    let number = chain.account(key.address()).await.unwrap().number;
    let chain_id = chain.status().await.unwrap().chain_id;
    Draft::unordered(messages, timeout).paying(200_000, GasPrice::default().fee(200_000)).sign(key, &chain_id, number)
}

async fn now(chain: &Chain) -> ChainTime {
    chain.latest_block().await.unwrap().time
}

/// A claim of five relays of a thousand compute units each.
fn claim_for(session: &Session, key: &SecretKey) -> prost_types::Any {
    let mut root_hash = vec![3; 32];
    root_hash.extend(5000_u64.to_be_bytes());
    root_hash.extend(5_u64.to_be_bytes());
    claim(&MsgCreateClaim {
        supplier_operator_address: key.address().as_str().to_owned(),
        session_header: session.header.clone(),
        root_hash,
    })
}

fn cause(verdict: &Verdict) -> Option<Cause> {
    match verdict {
        Verdict::Accepted { .. } => None,
        Verdict::Rejected(rejection) => Some(rejection.cause),
    }
}

#[tokio::test]
async fn a_transfer_is_simulated_sent_and_carried_out_once() {
    let running = testbed::Chain::start(still().suppliers(2)).await.unwrap();
    running.advance_to(3).await.unwrap();
    let chain = client(&running);
    let key = key(&running, "supplier1");
    let to = address(&running, "supplier2");
    let mut rng = StdRng::seed_from_u64(1);
    let timeout = Timestamps::default().next(now(&chain).await, SHORTEST_TIMEOUT, &mut rng).unwrap();
    let draft = Draft::unordered(vec![send(key.address(), &to, Upokt(5))], timeout);
    let number = chain.account(key.address()).await.unwrap().number;

    let simulated = chain.simulate(&draft.sign(&key, "pocket", number).bytes).await.unwrap();
    let Simulation::Works { gas_used } = simulated else { panic!("{simulated:?}") };
    let gas = adjusted_gas(gas_used, 1.7);
    let transaction = draft.paying(gas, GasPrice::default().fee(gas)).sign(&key, "pocket", number);
    assert_eq!(
        chain.broadcast(&transaction).await.unwrap(),
        Verdict::Accepted { hash: transaction.hash, already: false }
    );
    assert_eq!(
        chain.broadcast(&transaction).await.unwrap(),
        Verdict::Accepted { hash: transaction.hash, already: true }
    );
    running.advance(1).await.unwrap();
    let executed = chain.executed(Height(4)).await.unwrap();
    let (hash, execution) = &executed[0];
    assert_eq!((*hash, execution.code), (transaction.hash, 0), "{}", execution.log);
    assert!(execution.gas_used <= execution.gas_wanted);
    assert_eq!(chain.balance(&to).await.unwrap().1, Upokt(1_000_000_000_005));
    // Carried out already: the node remembers the bytes.
    assert!(matches!(chain.broadcast(&transaction).await.unwrap(), Verdict::Accepted { already: true, .. }));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let running = testbed::Chain::start(still().suppliers(2)).await.unwrap();
    running.advance_to(3).await.unwrap();
    let chain = client(&running);
    let (key, to) = (key(&running, "supplier1"), address(&running, "supplier2"));
    let pay = |amount| vec![send(key.address(), &to, Upokt(amount))];
    let time = now(&chain).await;
    let soon = time + SHORTEST_TIMEOUT;

    let first = signed(&chain, &key, pay(1), soon).await;
    assert_eq!(cause(&chain.broadcast(&first).await.unwrap()), None);
    let same_nonce = signed(&chain, &key, pay(2), soon).await;
    assert_eq!(cause(&chain.broadcast(&same_nonce).await.unwrap()), Some(Cause::TimestampUsed));
    let far = signed(&chain, &key, pay(3), time + Duration::from_mins(11)).await;
    assert_eq!(cause(&chain.broadcast(&far).await.unwrap()), Some(Cause::TimestampTooFar));
    let past = signed(&chain, &key, pay(4), time - Duration::from_secs(1)).await;
    assert_eq!(cause(&chain.broadcast(&past).await.unwrap()), Some(Cause::TimedOut));

    let later = |nanos| soon + Duration::from_nanos(nanos);
    let number = chain.account(key.address()).await.unwrap().number;
    let draft = |amount, nanos| Draft::unordered(pay(amount), later(nanos));
    let free = draft(5, 1).paying(200_000, Vec::new()).sign(&key, "pocket", number);
    assert_eq!(cause(&chain.broadcast(&free).await.unwrap()), Some(Cause::InsufficientFee));
    let starved = draft(6, 2).paying(1000, GasPrice::default().fee(1000)).sign(&key, "pocket", number);
    assert_eq!(cause(&chain.broadcast(&starved).await.unwrap()), Some(Cause::OutOfGas));
    let mistaken = draft(7, 3).paying(200_000, GasPrice::default().fee(200_000)).sign(&key, "pocket", number + 1);
    assert_eq!(cause(&chain.broadcast(&mistaken).await.unwrap()), Some(Cause::Signature));
    let unaffordable = signed(&chain, &key, pay(u128::from(u64::MAX)), later(4)).await;
    let Simulation::Fails(rejection) = chain.simulate(&unaffordable.bytes).await.unwrap() else { panic!("it works") };
    assert_eq!((rejection.cause, rejection.message_index), (Cause::InsufficientFunds, Some(0)), "{rejection}");
}

#[tokio::test]
async fn a_claim_out_of_its_window_names_its_message() {
    let running = testbed::Chain::start(still()).await.unwrap();
    running.advance_to(8).await.unwrap();
    let chain = client(&running);
    let key = key(&running, "supplier1");
    let application = address(&running, "app1");
    let session = chain.session_at(&application, &ServiceId::from("svc1"), Height(7)).await.unwrap();
    let early = claim_for(&session, &key);
    let transfer = send(key.address(), &application, Upokt(1));
    let time = now(&chain).await + SHORTEST_TIMEOUT;
    let transaction = signed(&chain, &key, vec![transfer, early.clone()], time).await;
    let Simulation::Fails(rejection) = chain.simulate(&transaction.bytes).await.unwrap() else { panic!("it works") };
    assert_eq!((rejection.cause, rejection.message_index), (Cause::OutsideClaimWindow, Some(1)), "{rejection}");

    // The mempool's check does not look into messages; the block says what became of it, with the same words.
    assert_eq!(cause(&chain.broadcast(&transaction).await.unwrap()), None);
    running.advance(1).await.unwrap();
    let (_, execution) = chain.executed(Height(9)).await.unwrap().remove(0);
    let failure = relay_core::chain::Rejection::of(&execution.codespace, execution.code, &execution.log);
    assert_eq!((failure.cause, failure.message_index), (Cause::OutsideClaimWindow, Some(1)), "{failure}");

    // In its window the same claim is taken, and found with the height it was read at.
    running.advance_to(14).await.unwrap();
    let timely = signed(&chain, &key, vec![early], now(&chain).await + SHORTEST_TIMEOUT).await;
    assert!(matches!(chain.simulate(&timely.bytes).await.unwrap(), Simulation::Works { .. }));
    assert_eq!(cause(&chain.broadcast(&timely).await.unwrap()), None);
    running.advance(1).await.unwrap();
    let (height, claims) = chain.claims_of(key.address()).await.unwrap();
    assert_eq!((height, claims.len()), (Height(15), 1));
    let id = session.session_id.as_str().into();
    let (_, found) = chain.claim(&id, key.address()).await.unwrap();
    assert_eq!(found.as_ref(), claims.first());
    let results = chain.block_results(Height(15)).await.unwrap();
    assert_eq!(results.executions[0].events.len(), 1, "{results:?}");
}

#[tokio::test]
async fn a_broadcast_goes_through_another_node() {
    let running = testbed::Chain::start(still()).await.unwrap();
    let proxy = Proxy::start(&running).await.unwrap();
    running.advance_to(3).await.unwrap();
    let chain =
        client_of(vec![node("failing", running.rpc(), &proxy.grpc()), node("own", running.rpc(), &running.grpc())]);
    let key = key(&running, "supplier1");
    let time = now(&chain).await + SHORTEST_TIMEOUT;
    let transaction = signed(&chain, &key, vec![send(key.address(), key.address(), Upokt(1))], time).await;
    proxy.set_grpc(Faults::failing(Failure::Grpc { code: 14, message: "connection refused".to_owned() }));
    assert_eq!(cause(&chain.broadcast(&transaction).await.unwrap()), None);
    running.advance(1).await.unwrap();
    assert_eq!(chain.executed(Height(4)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_unproven_claim_is_seen_to_expire_and_to_cost_stake() {
    let running = testbed::Chain::start(still().param("proof", json!({"proof_request_probability": 1}))).await.unwrap();
    running.advance_to(14).await.unwrap();
    let chain = client(&running);
    let key = key(&running, "supplier1");
    let application = address(&running, "app1");
    let session = chain.session_at(&application, &ServiceId::from("svc1"), Height(7)).await.unwrap();
    let message = claim_for(&session, &key);
    let transaction = signed(&chain, &key, vec![message], now(&chain).await + SHORTEST_TIMEOUT).await;
    assert_eq!(cause(&chain.broadcast(&transaction).await.unwrap()), None);
    running.advance_to(22).await.unwrap();
    let events = &chain.block_results(Height(22)).await.unwrap().events;
    let expected = ClaimKey {
        supplier: key.address().clone(),
        application,
        service: ServiceId::from("svc1"),
        session_end: Height(12),
    };
    let expired = events.iter().any(|event| {
        matches!(event, ChainEvent::Expired { key, size, reason: Expiration::ProofMissing }
            if *key == expected && size.relays == 5)
    });
    let slashed = events.iter().any(|event| {
        matches!(event, ChainEvent::Slashed { key, penalty: Upokt(320_000_000), stake_left: Upokt(1_680_000_000) }
            if *key == expected)
    });
    assert!(expired && slashed, "{events:?}");
    assert!(!events.iter().any(|event| matches!(event, ChainEvent::Unreadable { .. })), "{events:?}");
    assert_eq!(chain.claims_of(key.address()).await.unwrap(), (Height(22), Vec::new()));
}

#[tokio::test]
async fn claims_are_read_over_several_pages() {
    const SERVICES: usize = 120;
    const BATCH: usize = 40;
    let running = testbed::Chain::start(still().services(SERVICES)).await.unwrap();
    running.advance_to(14).await.unwrap();
    let chain = client(&running);
    let key = key(&running, "supplier1");
    let number = chain.account(key.address()).await.unwrap().number;
    let mut messages = Vec::new();
    for n in 1..=SERVICES {
        let service = ServiceId::from(format!("svc{n}"));
        let session = chain.session_at(&address(&running, &format!("app{n}")), &service, Height(7)).await.unwrap();
        messages.push(claim_for(&session, &key));
    }
    let (mut timestamps, mut rng) = (Timestamps::default(), StdRng::seed_from_u64(2));
    for batch in messages.chunks(BATCH) {
        let timeout = timestamps.next(now(&chain).await, SHORTEST_TIMEOUT, &mut rng).unwrap();
        let gas = 10_000_000;
        let draft = Draft::unordered(batch.to_vec(), timeout).paying(gas, GasPrice::default().fee(gas));
        assert_eq!(cause(&chain.broadcast(&draft.sign(&key, "pocket", number)).await.unwrap()), None);
    }
    running.advance(1).await.unwrap();
    let executed = chain.executed(Height(15)).await.unwrap();
    assert!(executed.iter().all(|(_, execution)| execution.code == 0), "{executed:?}");
    let (height, claims) = chain.claims_of(key.address()).await.unwrap();
    assert_eq!((height, claims.len()), (Height(15), SERVICES));
    let sessions: std::collections::BTreeSet<_> =
        claims.iter().map(|claim| claim.session_header.as_ref().unwrap().session_id.clone()).collect();
    assert_eq!(sessions.len(), SERVICES, "each once");
}
