use proptest::prelude::*;

use super::*;
use crate::config::ChainId;

#[allow(clippy::unnecessary_wraps, reason = "views of nodes that answer stand beside those of nodes that do not")]
fn at(height: u64) -> Option<View> {
    Some(View { height, chain: "0x1".to_owned(), catching_up: false })
}

fn rules(max_lag: u64) -> SyncConfig {
    SyncConfig { max_lag: Some(max_lag), chain_id: Some(ChainId::Number(1)), ..SyncConfig::default() }
}

fn judged(views: &[Option<View>]) -> Vec<Verdict> {
    judge(views, &rules(10))
}

// rule: G-05
#[test]
fn who_is_too_far_behind_the_best_is_out() {
    let verdicts = judged(&[at(100), at(90), at(89), None]);
    assert_eq!(verdicts, [Verdict::Fit, Verdict::Fit, Verdict::Behind { lag: 11 }, Verdict::Unknown]);
    assert_eq!(judged(&[at(50), at(100)]), [Verdict::Behind { lag: 50 }, Verdict::Fit]);
    assert_eq!(judged(&[at(50), None]), [Verdict::Fit, Verdict::Unknown], "nobody is ahead of it");
}

#[test]
fn one_that_invents_a_height_does_not_turn_the_others_out() {
    assert_eq!(judged(&[at(u64::MAX), at(100), at(95)]), [Verdict::Fit; 3]);
}

// rule: G-05
#[test]
fn a_node_of_another_chain_is_out_also_alone_and_no_measure() {
    let other = Some(View { height: 1000, chain: "0x2".to_owned(), catching_up: false });
    assert_eq!(judged(std::slice::from_ref(&other)), [Verdict::OtherChain]);
    assert_eq!(judged(&[other, at(5)]), [Verdict::OtherChain, Verdict::Fit]);
}

#[test]
fn who_catches_up_is_out_only_beside_one_that_has() {
    let catching_up = Some(View { height: 99, chain: "0x1".to_owned(), catching_up: true });
    assert_eq!(judged(&[catching_up.clone(), at(100)]), [Verdict::Behind { lag: 1 }, Verdict::Fit]);
    assert_eq!(judged(&[catching_up.clone(), catching_up]), [Verdict::Fit, Verdict::Fit]);
}

#[test]
fn what_nodes_say_is_understood() {
    let status = json!({"result": {"node_info": {"network": "pocket"},
        "sync_info": {"latest_block_height": "42", "catching_up": true}}});
    let expected = View { height: 42, chain: "pocket".to_owned(), catching_up: true };
    assert_eq!(comet(&status), Some(expected.clone()));
    assert_eq!(comet(&status["result"]), Some(expected));
    assert_eq!(comet(&json!({"result": {"sync_info": {"latest_block_height": 42}}})), None);
    assert_eq!(hex_number(&json!("0xff")), Some(255));
    for other in [json!("ff"), json!(255), json!("0xgg"), Value::Null] {
        assert_eq!(hex_number(&other), None);
    }
    assert!(ChainId::Name("0x10".to_owned()).is("16") && ChainId::Name("pocket".to_owned()).is("pocket"));
    assert!(!ChainId::Number(1).is("0x10") && !ChainId::Name("pocket".to_owned()).is("other"));
}

proptest! {
    // rule: R-16
    #[test]
    fn never_all_are_out_for_being_behind(
        heights in proptest::collection::vec((any::<u64>(), any::<bool>()), 1..8),
        max_lag in 0_u64..100,
    ) {
        let views: Vec<Option<View>> = heights
            .into_iter()
            .map(|(height, catching_up)| Some(View { height, chain: "0x1".to_owned(), catching_up }))
            .collect();
        prop_assert!(judge(&views, &rules(max_lag)).contains(&Verdict::Fit));
    }
}
