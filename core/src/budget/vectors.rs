//! Every case of `tests/vectors/metering.json`.

use serde_json::Value;

use super::{Factor, Limit, LimitError, Price, PriceError, Terms, stake};
use crate::proto::cosmos::base::v1beta1::Coin;
use crate::proto::pocket::application::Application;
use crate::proto::pocket::shared::Params;
use crate::units::ComputeUnits;

fn load() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/metering.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn params(value: &Value) -> Params {
    let field = |name: &str| value[name].as_u64().unwrap();
    Params {
        num_blocks_per_session: field("num_blocks_per_session"),
        claim_window_open_offset_blocks: field("claim_window_open_offset_blocks"),
        claim_window_close_offset_blocks: field("claim_window_close_offset_blocks"),
        proof_window_open_offset_blocks: field("proof_window_open_offset_blocks"),
        proof_window_close_offset_blocks: field("proof_window_close_offset_blocks"),
        compute_units_to_tokens_multiplier: field("compute_units_to_tokens_multiplier"),
        compute_unit_cost_granularity: field("compute_unit_cost_granularity"),
        ..Params::default()
    }
}

/// What the inputs of a case lead to.
#[derive(Debug, PartialEq)]
enum Outcome {
    Metered {
        limit: u128,
        cost: u128,
        relays: u64,
    },
    /// Something is not known now: the policy decides.
    Unknown,
    /// The numbers are absurd: refused, whatever the policy.
    Absurd,
}

fn outcome(case: &Value) -> Outcome {
    let (live, at_height) = (params(&case["shared_params_live"]), params(&case["shared_params_at_height"]));
    let asked = |number: usize| case["params_asked_at"][number].as_str();
    let chosen = |number: usize| if asked(number) == Some("live") { &live } else { &at_height };
    let units = u64::try_from(case["compute_units_per_relay"].as_i64().unwrap()).unwrap_or(0);
    let price = match Price::new(ComputeUnits(units), chosen(0)) {
        Ok(price) => price,
        Err(PriceError::TooHigh) => return Outcome::Absurd,
        Err(_) => return Outcome::Unknown,
    };
    let coin = |amount: &str| Coin { denom: "upokt".to_owned(), amount: amount.to_owned() };
    let application = match case["app_stake_upokt"].as_str().unwrap() {
        "error" => return Outcome::Unknown,
        "none" => Application::default(),
        amount => Application { stake: Some(coin(amount)), ..Application::default() },
    };
    let stake = match stake(&application) {
        Ok(stake) => stake,
        Err(error) if error.is_absurd() => return Outcome::Absurd,
        Err(LimitError::NoStake) => return Outcome::Unknown,
        Err(error) => panic!("{error}"),
    };
    let factor: Option<Factor> = serde_json::from_value(case["service_factor"].clone()).unwrap();
    let suppliers = case["num_suppliers_per_session"].as_u64().unwrap();
    let limit = Limit::new(&Terms { stake, suppliers, params: chosen(1), factor }).unwrap();
    Outcome::Metered { limit: limit.upokt, cost: price.upokt(), relays: price.relays(limit.upokt) }
}

// rule
#[test]
fn metering_is_the_networks_but_for_its_mistakes() {
    let vectors = load();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 49);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let allowed = case["first_relay_allowed"].as_bool().unwrap();
        match name {
            // The reference cuts 2^65 to 64 bits and charges nothing. Such a relay is refused.
            "price above int64" => assert_eq!(outcome(case), Outcome::Absurd),
            // It multiplies in binary and loses the last unit of a large stake. The product is exact here.
            "factor with a stake beyond 2^53" => {
                let Outcome::Metered { limit, .. } = outcome(case) else { panic!("{name}") };
                assert_eq!(limit, 9_007_199_254_740_993);
                assert_eq!(case["max_stake_upokt"].as_u64(), Some(9_007_199_254_740_992));
            }
            // A negative limit refuses everything; a negative factor is no factor.
            "factor -1" => {
                assert!(serde_json::from_value::<Factor>(case["service_factor"].clone()).is_err());
                assert!(!allowed);
            }
            _ => match outcome(case) {
                Outcome::Metered { limit, cost, relays } => {
                    assert_eq!(Some(limit), case["max_stake_upokt"].as_u64().map(u128::from), "{name}");
                    if let Some(expected) = case["relay_cost_upokt"].as_u64() {
                        assert_eq!(cost, u128::from(expected), "{name}");
                    }
                    if let Some(expected) = case["max_relays"].as_u64() {
                        assert_eq!(relays, expected, "{name}");
                    }
                    assert_eq!(relays > 0, allowed, "{name}");
                }
                Outcome::Unknown => {
                    assert!(case["max_stake_upokt"].is_null(), "{name}");
                    assert_eq!(allowed, !case["fail_closed"].as_bool().unwrap(), "{name}");
                }
                Outcome::Absurd => assert!(!allowed && case["result"]["verdict"] == "error", "{name}"),
            },
        }
    }
}

/// A price that floors to 0 made sessions of the reference endless. Its budget ends here.
#[test]
fn no_session_is_endless() {
    for case in load()["cases"].as_array().unwrap() {
        if let Outcome::Metered { limit, relays, .. } = outcome_of_readable(case) {
            assert!(relays < super::MOST_RELAYS || limit > 1 << 52, "{}", case["name"]);
        }
    }
}

fn outcome_of_readable(case: &Value) -> Outcome {
    if case["name"] == "factor -1" { Outcome::Unknown } else { outcome(case) }
}

// rule: R-10
#[test]
fn suppliers_of_a_session_have_budgets_of_their_own() {
    let vectors = load();
    let sequence = &vectors["sequence"];
    let limit = sequence["stake"].as_str().unwrap().parse::<u128>().unwrap();
    let suppliers = sequence["num_suppliers_per_session"].as_u64().unwrap();
    let params = Params { num_blocks_per_session: 10, claim_window_open_offset_blocks: 9, ..Params::default() };
    let limit = Limit::new(&Terms { stake: limit, suppliers, params: &params, factor: None }).unwrap();
    assert_eq!(u128::from(sequence["limit"].as_u64().unwrap()), limit.upokt);
    let cost = sequence["cost"].as_u64().unwrap();
    let terms =
        Params { compute_units_to_tokens_multiplier: cost, compute_unit_cost_granularity: 1, ..Params::default() };
    let relays = Price::new(ComputeUnits(1), &terms).unwrap().relays(limit.upokt);
    let mut used = std::collections::BTreeMap::<&str, u64>::new();
    for step in sequence["steps"].as_array().unwrap() {
        let used = used.entry(step["supplier"].as_str().unwrap()).or_default();
        let allowed = super::share(relays - *used, 1, 1) == 1;
        *used += u64::from(allowed);
        assert_eq!(Some(allowed), step["allowed"].as_bool());
        assert_eq!(Some((*used * cost).to_string().as_str()), step["consumed_after"].as_str());
    }
}
