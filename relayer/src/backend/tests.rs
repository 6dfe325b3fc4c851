use std::sync::Arc;
use std::time::Duration;

use http::Method;
use relay_core::address::{Address, SecretKey};
use relay_core::relay::RpcType;
use relay_core::relay::envelope::HttpRequest;
use relay_core::units::ServiceId;
use testbed::Behaviour;
use tokio::time::Instant;

use super::*;
use crate::config::PoolConfig;

async fn ask(url: &str, most_bytes: usize, timeout: Duration) -> (Arc<Pool>, Result<Answer, NoAnswer>) {
    let pool = PoolConfig::of(url);
    let meter = crate::metrics::backend::BackendMetrics::new().of(&"svc".into());
    let trust = Trust::of_system().unwrap();
    let backend = Pool::new(RpcType::JsonRpc, &pool, most_bytes, &trust, meter).unwrap();
    let outcome = ask_within(&backend, timeout).await;
    (backend, outcome)
}

async fn ask_again(backend: &Pool) -> Result<Answer, NoAnswer> {
    ask_within(backend, Duration::from_millis(300)).await
}

async fn ask_within(backend: &Pool, timeout: Duration) -> Result<Answer, NoAnswer> {
    let address: Address = SecretKey::from_bytes(&[7; 32]).unwrap().address().clone();
    let (service, outer) = (ServiceId::from("anvil"), HeaderMap::new());
    let origin = Origin { supplier: &address, application: &address, service: &service, outer: &outer };
    let body = Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}"#);
    let call = HttpRequest { method: Method::POST, url: "/x".to_owned(), headers: HeaderMap::new(), body };
    match backend.ask(call, &origin, Instant::now() + timeout).await? {
        Reply::Whole(answer) => Ok(answer),
        Reply::Stream(_) => panic!("no stream was asked for"),
    }
}

#[tokio::test]
async fn answers_come_back_whole() {
    let node = testbed::Backend::start().await.unwrap();
    let (_, outcome) = ask(&node.url(), 1 << 20, Duration::from_secs(5)).await;
    let answer = outcome.unwrap();
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(json["result"]["method"], "eth_blockNumber");
    assert_eq!(json["result"]["path"], "/x");
}

#[tokio::test]
async fn client_errors_are_answers_and_server_errors_are_not() {
    let node = testbed::Backend::start().await.unwrap();
    node.behave(Behaviour { status: StatusCode::NOT_FOUND, ..Behaviour::default() });
    let (backend, outcome) = ask(&node.url(), 1 << 20, Duration::from_secs(5)).await;
    assert_eq!(outcome.unwrap().status, 404);
    node.behave(Behaviour { status: StatusCode::BAD_GATEWAY, ..Behaviour::default() });
    assert_eq!(ask_again(&backend).await, Err(NoAnswer::Status(StatusCode::BAD_GATEWAY)));
    assert!(backend.is_healthy());
}

// rule: D-28
#[tokio::test]
async fn slow_and_large_answers_are_cut_off_and_blame_nobody() {
    let node = testbed::Backend::start().await.unwrap();
    node.behave(Behaviour { body: Some(Bytes::from(vec![b'x'; 5000])), ..Behaviour::default() });
    let (_, outcome) = ask(&node.url(), 5000, Duration::from_secs(5)).await;
    assert_eq!(outcome.unwrap().body.len(), 5000, "as many as the limit are not too many");
    let (backend, outcome) = ask(&node.url(), 4999, Duration::from_secs(5)).await;
    assert_eq!(outcome, Err(NoAnswer::Fault(BackendFault::TooLarge)));
    node.behave(Behaviour { delay: Duration::from_secs(5), ..Behaviour::default() });
    assert_eq!(ask_again(&backend).await, Err(NoAnswer::Fault(BackendFault::Timeout)));
    for _ in 0..10 {
        node.behave(Behaviour { body: Some(Bytes::from(vec![b'x'; 5000])), ..Behaviour::default() });
        assert_eq!(ask_again(&backend).await, Err(NoAnswer::Fault(BackendFault::TooLarge)));
    }
    assert!(backend.is_healthy());
}

#[tokio::test]
async fn a_dead_backend_is_unhealthy_for_a_while() {
    let (backend, outcome) = ask("http://127.0.0.1:1", 1 << 20, Duration::from_secs(5)).await;
    assert_eq!(outcome, Err(NoAnswer::Fault(BackendFault::Connection)));
    assert!(backend.is_healthy());
    for _ in 0..4 {
        assert!(ask_again(&backend).await.is_err());
    }
    assert!(!backend.is_healthy());
}
