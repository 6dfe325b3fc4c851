//! The chain harness against a real chain.

use std::time::Duration;

use serde_json::json;
use testbed::{Chain, Error, Flags, Genesis};

fn slow() -> Genesis {
    Genesis::new().block_time(Duration::from_mins(1))
}

#[tokio::test]
async fn blocks_come_when_the_test_says_so() {
    let chain = Chain::start(slow()).await.unwrap();
    let first = chain.height().await.unwrap();
    assert_eq!(chain.advance(20).await.unwrap(), first + 20);
    assert_eq!(chain.advance_to(first + 25).await.unwrap(), first + 25);
    assert_eq!(chain.advance_to(3).await.unwrap(), first + 25, "no way back");

    chain.pause().await.unwrap();
    chain.block_time(Duration::from_millis(10)).await.unwrap();
    let held = chain.height().await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(chain.height().await.unwrap(), held, "paused");
    chain.resume().await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(chain.height().await.unwrap() > held + 5, "resumed at 10 ms a block");
    chain.stop().await.unwrap();
}

#[tokio::test]
async fn the_authority_changes_parameters() {
    let chain = Chain::start(Genesis::new().block_time(Duration::from_millis(50))).await.unwrap();
    let changed = chain.set_params("proof", json!({"proof_request_probability": 1})).await.unwrap();
    assert!(changed.height.is_some());
    let params = chain.params("proof").await.unwrap();
    assert_eq!(params["proof_request_probability"], json!(1));
    assert_eq!(params["proof_missing_penalty"]["amount"], "320000000", "the others stay");
    let refused = chain.set_params("proof", json!({"proof_request_probability": 7})).await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn transactions_move_coins() {
    let genesis = Genesis::new().suppliers(2).block_time(Duration::from_millis(50));
    let chain = Chain::start(genesis.account("poor", json!({"balance": "5upokt"}))).await.unwrap();
    let (from, to) = (chain.account("supplier2").unwrap(), chain.account("poor").unwrap());
    assert_eq!(from.private_key.len(), 64);
    let send = json!({
        "@type": "/cosmos.bank.v1beta1.MsgSend", "from_address": from.address, "to_address": to.address,
        "amount": [{"denom": "upokt", "amount": "7"}],
    });
    let moved = chain.send_tx("supplier2", &send).await.unwrap().accepted().unwrap();
    assert_eq!(chain.balance(&to.address).await.unwrap(), 12);
    let events = chain.events(moved.height.unwrap()).await.unwrap();
    assert!(
        events.iter().any(|event| event.kind == "transfer" && event.attributes["amount"] == "7upokt"),
        "{events:?}"
    );
    assert!(matches!(chain.account("nobody"), Err(Error::UnknownAccount(_))));
}

#[tokio::test]
async fn a_restart_keeps_the_state_and_takes_other_flags() {
    let mut chain = Chain::start(Genesis::new().block_time(Duration::from_millis(50)).on_disk()).await.unwrap();
    chain.advance(5).await.unwrap();
    let (rpc, height) = (chain.rpc().to_owned(), chain.height().await.unwrap());
    let strict = Flags {
        mempool_txs: Some(10),
        max_tx_bytes: Some(2_000),
        min_gas_prices: Some("1upokt".into()),
        ..Flags::default()
    };
    chain.restart_with(strict).await.unwrap();
    assert_eq!(chain.rpc(), rpc, "the same ports");
    assert!(chain.height().await.unwrap() > height, "the same chain");

    // The node pays its own price by itself: 2 000 000 gas at one uPOKT.
    let address = chain.account("app1").unwrap().address.clone();
    let before = chain.balance(&address).await.unwrap();
    let send = |amount: &str| {
        json!({
            "@type": "/cosmos.bank.v1beta1.MsgSend", "from_address": address, "to_address": address,
            "amount": [{"denom": "upokt", "amount": amount}],
        })
    };
    chain.send_tx("app1", &send("1")).await.unwrap().accepted().unwrap();
    assert_eq!(before - chain.balance(&address).await.unwrap(), 2_000_000);
    // Thirty messages are more than 2 000 bytes.
    let large = json!(vec![send("1"); 30]);
    let refused = chain.send_tx("app1", &large).await.expect_err("too large");
    assert!(refused.to_string().contains("too large"), "{refused}");

    let height = chain.height().await.unwrap();
    chain.crash_and_restart(Flags::default()).await.unwrap();
    assert!(chain.height().await.unwrap() >= height, "acknowledged blocks survive a crash");
}

#[tokio::test]
async fn a_chain_in_memory_is_not_restarted() {
    let mut chain = Chain::start(slow()).await.unwrap();
    assert!(matches!(chain.restart_with(Flags::default()).await, Err(Error::InMemory)));
}

#[tokio::test]
async fn a_wrong_genesis_is_refused_with_its_reason() {
    let genesis = slow().param("shared", json!({"claim_window_close_offset_blocks": 400}));
    let refused = Chain::start(genesis).await.expect_err("windows longer than unbonding");
    assert!(refused.to_string().contains("UnbondingPeriod"), "{refused}");
}

#[tokio::test]
async fn no_chain_outlives_its_handle() {
    let chain = Chain::start(slow()).await.unwrap();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(chain.pid().unwrap()).unwrap());
    assert!(nix::sys::signal::kill(pid, None).is_ok());
    drop(chain);
    for _ in 0..100 {
        // The runtime reaps killed children now and then.
        tokio::time::sleep(Duration::from_millis(50)).await;
        if nix::sys::signal::kill(pid, None).is_err() {
            return;
        }
    }
    panic!("process {pid} is still there");
}
