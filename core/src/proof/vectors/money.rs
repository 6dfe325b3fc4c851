use num_bigint::BigUint;

use super::{array, bytes, is_ok, list, load, number, text};
use crate::proof::difficulty::scaled;
use crate::proof::*;
use crate::relay::{Target, TargetError};
use crate::units::{ComputeUnits, Upokt};

const VECTORS: &str = "proof_requirement.json";

#[test]
fn amounts() {
    for case in list(&load(VECTORS), "amounts") {
        let bytes = bytes(&case["target"]);
        let target = match Target::from_slice(&bytes) {
            Ok(target) => target,
            // The chain prices with such a target, but accepts no proof under it.
            Err(error) => {
                assert_eq!(error, TargetError(bytes.len()), "{case}");
                continue;
            }
        };
        let pricing = Pricing {
            target,
            multiplier: number(&case["compute_units_to_tokens_multiplier"]),
            granularity: number(&case["compute_unit_cost_granularity"]),
        };
        let (sum, count) = (ComputeUnits(number(&case["sum"])), number(&case["count"]));
        match claimed_upokt(sum, &pricing) {
            Ok(claimed) => assert_eq!(claimed, Upokt(number(&case["claimed_upokt"])), "{case}"),
            Err(error) => assert!(!is_ok(case), "{error}: {case}"),
        }
        let relays = estimated_relays(sum, count, &target);
        assert_eq!(relays.is_ok(), case["estimated_relays_verdict"] == "ok", "{case}");
        if let Ok(relays) = relays {
            assert_eq!(relays, number::<u64>(&case["estimated_relays"]), "{case}");
            let units = estimated_compute_units(sum, &target).unwrap();
            assert_eq!(units.0, number::<u64>(&case["estimated_compute_units"]), "{case}");
        }
    }
}

/// The factor that a target multiplies a sum with is base / target, exactly.
#[test]
fn multipliers() {
    let vectors = load(VECTORS);
    for case in list(&vectors, "multipliers") {
        let target = BigUint::from_bytes_be(&array(&case["target"]));
        let [numerator, denominator] = ["numerator", "denominator"].map(|part| number::<BigUint>(&case[part]));
        assert_eq!(numerator * target, denominator * super::super::amount::base(), "{case}");
    }
    assert!(!is_ok(&vectors["multiplier_of_zero_target"]));
    let zero = Target([0; 32]);
    assert_eq!(estimated_compute_units(ComputeUnits(1), &zero), Err(AmountError::ZeroTarget));
}

#[test]
fn targets() {
    for case in list(&load(VECTORS), "targets") {
        let average = number(&case["relays_ema"]);
        let previous = Target(array(&case["previous_target"]));
        let ours = scaled(&previous, number(&case["target_num_relays"]), average);
        assert_eq!(ours.is_some(), is_ok(case) && average < 1 << 63, "{case}");
        if let Some(target) = ours {
            assert_eq!(target.to_string(), text(&case["new_target"]), "{case}");
        }
    }
}

#[test]
fn moving_average() {
    let mut steps = 0;
    for service in list(&load(VECTORS), "ema") {
        let wanted = number(&service["target_num_relays"]);
        let mut average = None;
        for step in list(service, "steps") {
            let next = next_average(average, number(&step["relays"]));
            assert_eq!(next, number::<u64>(&step["ema"]), "{step} after {average:?}");
            assert_eq!(next_target(wanted, next).unwrap().to_string(), text(&step["target"]), "{step}");
            average = Some(next);
            steps += 1;
        }
    }
    assert_eq!(steps, 40);
}
