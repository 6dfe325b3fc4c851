//! What the leader publishes and counts, with the chain away, wrong, and after a restart.

use std::time::{Duration, Instant};

use miner::Config;
use relay_core::address::Address;
use relay_core::chain::NodeConfig;
use relay_core::chain::events::ChainEvent;
use relay_core::store::Store;
use relay_core::units::{Height, Upokt};
use testbed::proxy::Failure;
use testbed::{Faults, Genesis, Proxy};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use crate::scene::{Scene, genesis};

const SOON: Duration = Duration::from_mins(2);

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn config(scene: &Scene) -> Config {
    let mut config = scene.config();
    config.leader.ttl = "1500ms".parse().unwrap();
    config.leader.renew = "300ms".parse().unwrap();
    config.leader.refresh_blocks = 1;
    config.monitors.balance.every = "300ms".parse().unwrap();
    config
}

fn start(config: Config) -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.spawn(miner::run(config, CancellationToken::new()));
    runtime
}

fn supplier(scene: &Scene) -> Address {
    scene.chain.account("supplier1").unwrap().address.parse().unwrap()
}

async fn advanced(store: &Store, by: i64) {
    let from = until("somebody feeds", async || store.newest_block().await.unwrap()).await.height;
    until("blocks", async || store.newest_block().await.unwrap().filter(|block| block.height >= from + by)).await;
}

// rule: H-27, C-15, C-19, C-20, C-25
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_published_of_a_supplier_while_the_chain_answers_with_errors() {
    let scene = Scene::new(Genesis::new()).await;
    let (store, of) = (scene.store().await, supplier(&scene));
    let proxy = Proxy::start(&scene.chain).await.unwrap();
    proxy.set_grpc(Faults::failing(Failure::not_ready()));
    let mut config = config(&scene);
    config.chain.nodes = vec![NodeConfig { name: "proxied".into(), rpc: proxy.rpc(), grpc: proxy.grpc() }];
    let miner = start(config);
    advanced(&store, 6).await;
    assert!(store.suppliers().await.unwrap().is_empty(), "unknown is not empty");

    proxy.heal();
    let known = until("it is known", async || store.supplier(&of).await.unwrap()).await;
    assert!(known.state.staked && known.state.services == ["svc1".into()], "{known:?}");
    assert_eq!(known.money.balance, Upokt(scene.chain.balance(of.as_str()).await.unwrap()));
    let owner = until("its owner too", async || store.supplier(&of).await.unwrap()?.state.owner).await;
    assert_eq!(store.owners(std::slice::from_ref(&of)).await.unwrap(), [Some(owner)]);

    // Errors again: what was known stays, and its age tells.
    proxy.set_grpc(Faults::failing(Failure::not_ready()));
    advanced(&store, 3).await;
    let old = until("it ages", async || {
        store.supplier(&of).await.unwrap().filter(|known| known.age > Duration::from_secs(1))
    })
    .await;
    assert!(old.state.staked && old.state.services == known.state.services, "{old:?}");
    proxy.heal();
    until("it is looked at again", async || {
        store.supplier(&of).await.unwrap().filter(|known| known.height > old.height)
    })
    .await;
    miner.shutdown_background();
}

// rule: O-10, H-28, C-20
#[tokio::test(flavor = "multi_thread")]
async fn a_supplier_that_unstakes_is_shown_as_one_without_a_restart() {
    let scene = Scene::new(Genesis::new()).await;
    let (store, of) = (scene.store().await, supplier(&scene));
    let miner = start(config(&scene));
    until("it is known", async || store.supplier(&of).await.unwrap().filter(|known| known.state.staked)).await;
    let message = serde_json::json!({
        "@type": "/pocket.supplier.MsgUnstakeSupplier", "signer": of.as_str(), "operator_address": of.as_str(),
    });
    scene.chain.send_tx("supplier1", &message).await.unwrap().accepted().unwrap();
    let leaving = until("it is leaving", async || {
        store.supplier(&of).await.unwrap().filter(|known| known.state.unstaking_at.is_some())
    });
    assert!(leaving.await.state.staked, "until it is gone");
    until("it is gone", async || store.supplier(&of).await.unwrap().filter(|known| !known.state.staked)).await;
    miner.shutdown_background();
}

// rule: C-34
#[tokio::test(flavor = "multi_thread")]
async fn service_factors_are_published_changed_and_taken_back() {
    let scene = Scene::new(Genesis::new()).await;
    let store = scene.store().await;
    for (default, service) in [(Some("0.5"), Some("0.25")), (Some("0.5"), None), (None, None)] {
        let mut config = config(&scene);
        config.leader.service_factors.default = default.map(|text| text.parse().unwrap());
        let services = service.map(|text| ("svc1".into(), text.parse().unwrap()));
        config.leader.service_factors.services = services.into_iter().collect();
        let wanted = config.leader.service_factors.clone();
        let miner = start(config);
        until("they are published", async || (*store.read_factors().await.unwrap() == wanted).then_some(())).await;
        assert_eq!(store.factors().of(&"svc1".into()).map(|factor| factor.to_string()).as_deref(), service.or(default));
        miner.shutdown_background();
    }
}

// rule: M-15, H-26
#[tokio::test(flavor = "multi_thread")]
async fn settlements_are_counted_once_each_over_a_restart() {
    let scene = Scene::new(genesis()).await;
    let (store, of) = (scene.store().await, supplier(&scene));
    let first = start(config(&scene));
    let began = until("it counts", async || store.settled_up_to().await.unwrap()).await;
    let session = scene.serve(&store, 20).await;
    let counted = until("it goes on", async || {
        store.settled_up_to().await.unwrap().filter(|height| *height >= session.header.end)
    })
    .await;
    first.shutdown_background();
    // Blocks that nobody looks at when they come.
    let height = scene.node.status().await.unwrap().height;
    until("blocks", async || Some(scene.node.status().await.unwrap().height).filter(|now| *now >= height + 4)).await;
    let second = start(config(&scene));
    let ending = scene.ending(&store, &session).await;
    assert_eq!(ending["outcome"]["kind"], "settled", "{ending}");
    let settled = scene.node.status().await.unwrap().height;
    let up_to =
        until("all are counted", async || store.settled_up_to().await.unwrap().filter(|height| *height >= settled))
            .await;
    second.shutdown_background();
    let up_to = store.settled_up_to().await.unwrap().unwrap_or(up_to);
    assert!(counted < up_to);

    let (mut claims, mut relays, mut moved) = (0, 0, 0);
    for height in began.0..=up_to.0 {
        for event in &scene.node.block_results(Height(height)).await.unwrap().events {
            if let ChainEvent::Settled(settled) = event
                && settled.key.supplier == of
            {
                claims += 1;
                relays += settled.size.relays;
                moved += settled
                    .rewards
                    .iter()
                    .filter(|reward| reward.is_supplier_share())
                    .map(|reward| reward.amount.0)
                    .sum::<u128>();
            }
        }
    }
    assert!(claims > 0 && relays >= 20 && moved > 0);
    let totals = store.settlement_totals().await.unwrap();
    let total = |what: &str| totals.get(&format!("{of} svc1 proven {what}")).copied().unwrap_or_default();
    assert_eq!((total("claims"), total("relays"), u128::from(total("moved_upokt"))), (claims, relays, moved));
}

// rule: O-09, O-14
#[tokio::test(flavor = "multi_thread")]
async fn a_hand_over_shows_in_the_owner_and_in_nothing_else() {
    let scene = Scene::new(Genesis::new()).await;
    let (store, of) = (scene.store().await, supplier(&scene));
    let stop = CancellationToken::new();
    let first = tokio::spawn(miner::run(config(&scene), stop.clone()));
    let owned = async |other_than: Option<&str>| {
        until("somebody owns it", async || {
            let known = store.supplier(&of).await.unwrap()?;
            // Whatever happens, it is staked for its service at any moment.
            assert!(known.state.staked && known.state.unstaking_at.is_none(), "{known:?}");
            assert_eq!(known.state.services, ["svc1".into()]);
            known.state.owner.filter(|owner| Some(owner.as_str()) != other_than)
        })
        .await
    };
    let before = owned(None).await;
    let second = start(Config { name: "miner-1".into(), ..config(&scene) });
    stop.cancel();
    let after = owned(Some(&before)).await;
    first.await.unwrap().unwrap();
    assert_eq!(store.owners(std::slice::from_ref(&of)).await.unwrap(), [Some(after)]);
    second.shutdown_background();
}
