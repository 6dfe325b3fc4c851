//! `get suppliers` on a real chain, without a fleet.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::path::Path;

use program::{complaint, printed, run};
use testbed::{Account, Chain, Genesis};

fn supplier(name: &str, account: &Account) -> String {
    format!(
        "---
apiVersion: relay.pocket.network/v1alpha1
kind: Supplier
metadata: {{name: {name}}}
spec:
  operatorAddress: {}
  minerPoolRef: {{name: main}}
  keySecretRef: {{name: {name}}}
  services: [{{id: svc1}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: {name}, labels: {{relay.pocket.network/supplier-key: 'true'}}}}
stringData: {{privateKey: '{}'}}
",
        account.address, account.private_key
    )
}

/// Two suppliers of the chain and one that nobody staked.
fn manifests(chain: &Chain, folder: &Path) {
    let pool = format!(
        "apiVersion: relay.pocket.network/v1alpha1
kind: MinerPool
metadata: {{name: main}}
spec:
  network:
    chainId: {}
    nodes: [{{name: local, rpc: '{}', grpc: '{}'}}]
  redis: {{external: {{url: 'redis://127.0.0.1:1'}}}}
",
        chain.chain_id(),
        chain.rpc(),
        chain.grpc()
    );
    let suppliers = ["supplier1", "supplier2", "app1"].map(|name| supplier(name, chain.account(name).unwrap()));
    let text = format!("{pool}{}", suppliers.concat());
    std::fs::write(folder.join("fleet.yaml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn stake_and_balance_are_those_of_the_chain() {
    let chain = Chain::start(Genesis::new().suppliers(2).services(1)).await.unwrap();
    chain.advance(1).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    manifests(&chain, folder.path());
    let path = folder.path().to_str().unwrap();

    let output = run(&["get", "suppliers", "-f", path, "-o", "json"]);
    let list: serde_json::Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", complaint(&output)));
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 3);
    for (item, account) in items.iter().zip(["supplier1", "supplier2", "app1"]) {
        let account = chain.account(account).unwrap();
        let balance = chain.balance(&account.address).await.unwrap();
        assert_eq!(item["apiVersion"], "relay.pocket.network/v1alpha1");
        assert_eq!(item["status"]["balance"], format!("{balance}upokt"));
    }
    assert_eq!(items[0]["status"]["services"], "svc1");
    assert!(items[0]["status"]["stake"].as_str().unwrap().ends_with("upokt"));
    assert!(items[2]["status"].get("stake").is_none());

    let table = printed(&run(&["get", "suppliers", "-f", path]));
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(rows.next().unwrap().join(" "), "NAME READY REASON STAKE BALANCE SERVICES MINER LAST-CLAIM EARNED AGE");
    assert_eq!(rows.next().unwrap()[..3], ["supplier1", "Unknown", "NotRunning"]);
    assert_eq!(rows.nth(1).unwrap()[..3], ["app1", "False", "NotStaked"]);
    chain.stop().await.unwrap();

    let silent = printed(&run(&["get", "suppliers", "-f", path]));
    assert_eq!(silent.matches("ChainUnreachable").count(), 3, "{silent}");
}
