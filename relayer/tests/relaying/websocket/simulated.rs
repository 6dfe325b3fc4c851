use relay_core::config::Period;
use relay_core::proto::pocket::service::RelayRequest;
use tokio_tungstenite::tungstenite::Message;

use super::super::simulation::{KEY_ID, counted, header, signed, simulation};
use super::super::stage::{SERVICE, Stage};
use super::gateway::Gateway;
use super::stage;

async fn open(stage: &Stage, key_id: &str) -> Gateway {
    let headers = [("target-service-id", SERVICE), ("pocket-simulation-key-id", key_id)];
    Gateway::open(stage.running.relays, "/", &headers).await.unwrap()
}

fn request(stage: &Stage, words: &'static str) -> RelayRequest {
    signed(stage, &header(), words.into())
}

// rule: D-25, R-26
#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_socket_is_answered_message_by_message_and_never_recorded() {
    let (stage, node) = stage(|config| {
        config.simulation = simulation();
        config.simulation.max_concurrent = 1;
    })
    .await;
    let mut gateway = open(&stage, KEY_ID).await;
    for words in ["one", "two"] {
        gateway.send(&request(&stage, words)).await;
        let Message::Binary(answer) = gateway.next().await else { panic!("the kind of frame is kept") };
        assert_eq!(stage.opened(&answer), words);
    }
    let supplier = stage.supplier().as_str().to_owned();
    assert_eq!(counted(&stage.running, "websocket", &supplier, "success", 2).await, 2);

    let mut replayed = open(&stage, KEY_ID).await;
    let three = request(&stage, "three");
    gateway.send(&three).await;
    gateway.next().await;
    replayed.send(&three).await;
    assert_eq!(replayed.closed().await, (4001, "simulation rejected".to_owned()));
    counted(&stage.running, "websocket", &supplier, "replay_rejected", 1).await;

    let mut real = open(&stage, KEY_ID).await;
    real.send(&stage.message("a real relay").await).await;
    assert_eq!(real.closed().await, (4001, "simulation rejected".to_owned()), "the handshake has decided");
    let mut stranger = open(&stage, "nobody").await;
    stranger.send(&request(&stage, "from a stranger")).await;
    assert_eq!(stranger.closed().await, (4001, "simulation rejected".to_owned()));
    let heard = node.messages().iter().filter(|message| message.is_binary()).count();
    assert_eq!(heard, 3, "the node hears only of those that were let through");
    assert!(stage.log().await.is_empty());
    drop(gateway);
    let entries = stage.running.stop().await.unwrap();
    assert_eq!((entries.answered, entries.unexplained()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_on_sockets_and_off_means_off() {
    let (stage, _node) = stage(|config| {
        config.simulation = simulation();
        config.simulation.identities[0].max_rps = 1;
        config.simulation.freshness_window = Period::from_secs(60);
    })
    .await;
    let mut gateway = open(&stage, KEY_ID).await;
    for _ in 0..100 {
        gateway.send(&request(&stage, "again")).await;
        match gateway.next().await {
            Message::Binary(_) => {}
            Message::Close(Some(frame)) => {
                assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1013, "simulation rate limit reached"));
                return;
            }
            other => panic!("neither an answer nor a close frame: {other:?}"),
        }
    }
    panic!("a hundred in a row were let through");
}
