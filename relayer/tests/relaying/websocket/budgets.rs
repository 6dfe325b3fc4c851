use relayer::config::OnError;
use tokio_tungstenite::tungstenite::Message;

use super::super::budgets::affords;
use super::super::stage::still;
use super::stage_on;

// rule: D-22
#[tokio::test(flavor = "multi_thread")]
async fn every_push_is_paid_and_the_socket_ends_with_the_money() {
    let (stage, node) = stage_on(affords(5), |_| {}).await;
    let mut gateway = stage.gateway().await;
    gateway.send(&stage.message("subscribe 20").await).await;
    for push in 0..5 {
        let Message::Binary(response) = gateway.next().await else { panic!("push {push} can be paid") };
        assert_eq!(stage.opened(&response), format!("push {push}"));
    }
    assert_eq!(gateway.closed().await, (4002, "stake limit exceeded".to_owned()));
    assert_eq!(node.closed().await, (1013, "rate limited".to_owned()));
    assert_eq!(stage.log().await.len(), 5);

    let mut gateway = stage.gateway().await;
    gateway.send(&stage.message("one more").await).await;
    assert_eq!(gateway.closed().await.0, 4002);
    assert_eq!(node.messages().iter().filter(|message| message.is_binary()).count(), 1, "who cannot pay is not served");
}

// rule: D-20
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_metered_is_refused_where_that_is_the_policy() {
    let (stage, node) = stage_on(still(), |config| config.budget.on_error = OnError::Closed).await;
    let mut gateway = stage.gateway().await;
    let request = stage.message("hello").await;
    stage.redis.pause().unwrap();
    gateway.send(&request).await;
    assert_eq!(gateway.closed().await, (1013, "try again later".to_owned()));
    stage.redis.resume().unwrap();
    node.until_open(0).await;
    assert!(node.messages().iter().all(Message::is_close), "no byte of it reached the node");
}
