//! Several relayers on one budget.

use std::time::Duration;

use relay_core::relay::encode_request;

use super::budgets::{affords, slices_of};
use super::stage::{Running, Stage, within};

/// Sends relays one after the other to `to` until one is refused; gives how many were answered.
async fn spend(stage: &Stage, to: &Running, from: usize, most: usize) -> usize {
    for number in 0..most {
        let body = encode_request(&stage.relay(from + number).await).into();
        let (status, text) = stage.client.post(&to.url(), body).await.unwrap();
        if status != 200 {
            assert_eq!(status, 429, "{text:?}");
            return number;
        }
    }
    most
}

// rule: D-42
#[tokio::test(flavor = "multi_thread")]
async fn two_relayers_together_never_serve_more_than_one_budget() {
    let stage = Stage::with(affords(120), slices_of(9)).await;
    let other = stage.another(slices_of(9)).await;
    let mut sending = tokio::task::JoinSet::new();
    for number in 0..260 {
        let to = if number % 2 == 0 { stage.url() } else { other.url() };
        let (client, body) = (stage.client.clone(), encode_request(&stage.relay(number).await));
        sending.spawn(async move { client.post(&to, body.into()).await.unwrap().0.as_u16() });
    }
    let statuses = within(sending.join_all()).await;
    let answered = statuses.iter().filter(|status| **status == 200).count();
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert!(answered <= 120, "{answered}");
    // What one of them held and did not use is not lost.
    let (mut rest, mut number) = (0, 1_000);
    within(async {
        while answered + rest < 120 {
            for to in [&stage.running, &other] {
                rest += spend(&stage, to, number, 20).await;
                number += 100;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(spend(&stage, &stage.running, 9_000, 1).await + spend(&stage, &other, 9_100, 1).await, 0);
    assert_eq!(stage.log().await.len(), 120);
}

/// Ends without a word, as a killed process does: its slice is still out.
async fn kill(running: Running) {
    running.task.abort();
    let _ = running.task.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_relayers_slice_comes_back() {
    let stage = Stage::with(affords(40), slices_of(100)).await;
    let other = stage.another(slices_of(100)).await;
    // A quarter of the budget is out with it, and three are used.
    assert_eq!(spend(&stage, &other, 0, 3).await, 3);
    kill(other).await;
    let mut answered = spend(&stage, &stage.running, 100, 60).await;
    assert!(answered <= 30, "{answered}: the other one may be alive");
    within(async {
        let mut number = 1_000;
        while answered < 37 {
            tokio::time::sleep(Duration::from_millis(500)).await;
            answered += spend(&stage, &stage.running, number, 60).await;
            number += 100;
        }
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(spend(&stage, &stage.running, 50_000, 1).await, 0);
    assert_eq!(stage.log().await.len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relayer_that_ends_gives_its_slice_back_at_once() {
    let stage = Stage::with(affords(40), slices_of(100)).await;
    let other = stage.another(slices_of(100)).await;
    assert_eq!(spend(&stage, &other, 0, 3).await, 3);
    other.stop().await.unwrap();
    assert_eq!(spend(&stage, &stage.running, 100, 60).await, 37);
}
