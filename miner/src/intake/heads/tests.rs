use relay_core::session::SessionHeader;
use relay_core::units::Height;

use super::*;

fn supplier(number: u8) -> Address {
    Address::from_payload(&[number; 20]).unwrap()
}

fn answer(number: u8, appended: u64) -> SupplierHeads {
    let header = SessionHeader {
        application: supplier(200),
        service: "svc".into(),
        id: "s".into(),
        start: Height(1),
        end: Height(10),
    };
    SupplierHeads { supplier: supplier(number), sessions: vec![SessionSummary { header, appended }] }
}

fn appended(subscription: &mut Subscription) -> Option<u64> {
    subscription.latest().map(|heads| heads[0].appended)
}

#[test]
fn each_gets_the_heads_of_its_own_supplier() {
    let heads = Heads::default();
    let (mut first, mut second) = (heads.subscribe(&supplier(1)), heads.subscribe(&supplier(2)));
    let (wanted, next) = heads.wanted(false);
    assert_eq!(wanted.len(), 2);
    heads.publish(vec![answer(1, 10), answer(2, 20)], next);
    assert_eq!((appended(&mut first), appended(&mut second)), (Some(10), Some(20)));
}

#[test]
fn an_answer_that_is_older_than_the_subscription_is_not_given_to_it() {
    let heads = Heads::default();
    let mut old = heads.subscribe(&supplier(1));
    let (_, next) = heads.wanted(false);
    let mut new = heads.subscribe(&supplier(1));
    heads.publish(vec![answer(1, 10)], next);
    assert_eq!((appended(&mut old), appended(&mut new)), (Some(10), None));
    assert_eq!(heads.wanted(true).0.len(), 1, "it is asked for out of turn");
}

#[test]
fn who_has_an_answer_waits_for_the_next_round() {
    let heads = Heads::default();
    let _one = heads.subscribe(&supplier(1));
    let (wanted, next) = heads.wanted(true);
    heads.publish(vec![answer(1, 1)], next);
    assert_eq!(wanted.len(), 1);
    assert!(heads.wanted(true).0.is_empty());
    let two = heads.subscribe(&supplier(2));
    assert_eq!(heads.wanted(true).0, [supplier(2)]);
    drop(two);
    assert_eq!(heads.wanted(false).0, [supplier(1)], "who is gone is not asked for");
}

#[tokio::test]
async fn only_news_wakes() {
    let heads = Heads::default();
    let mut one = heads.subscribe(&supplier(1));
    let (_, next) = heads.wanted(false);
    heads.publish(vec![answer(1, 1)], next);
    one.changed().await;
    assert_eq!(appended(&mut one), Some(1));
    heads.publish(vec![answer(1, 1)], next);
    assert!(!one.heads.has_changed().unwrap());
    heads.publish(vec![answer(1, 2)], next);
    one.changed().await;
    assert_eq!(appended(&mut one), Some(2));
    heads.publish(Vec::new(), next);
    assert_eq!(appended(&mut one), Some(2), "without an answer the last one stays");
}

#[test]
fn one_session_near_its_close_makes_everybody_asked_more_often() {
    let heads = Heads::default();
    let (mut one, two) = (heads.subscribe(&supplier(1)), heads.subscribe(&supplier(2)));
    assert!(!heads.is_near_close());
    one.set_near_close(true);
    assert!(heads.is_near_close());
    drop(two);
    assert!(heads.is_near_close());
    drop(one);
    assert!(!heads.is_near_close());
}
