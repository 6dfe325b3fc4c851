//! Every case of `tests/vectors/session.json`.

use serde_json::Value;

use super::*;
use crate::proto::pocket::shared::Params;
use crate::units::Height;

fn load() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/session.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let cases = value[name].as_array().unwrap();
    assert!(!cases.is_empty(), "{name}");
    cases
}

fn height(value: &Value) -> Height {
    Height(value.as_i64().unwrap())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Fields that a vector leaves out have the chain's defaults.
fn params(value: &Value) -> Params {
    let field = |name: &str| value[name].as_u64().unwrap();
    Params {
        num_blocks_per_session: field("num_blocks_per_session"),
        grace_period_end_offset_blocks: field("grace_period_end_offset_blocks"),
        claim_window_open_offset_blocks: field("claim_window_open_offset_blocks"),
        claim_window_close_offset_blocks: field("claim_window_close_offset_blocks"),
        proof_window_open_offset_blocks: field("proof_window_open_offset_blocks"),
        proof_window_close_offset_blocks: field("proof_window_close_offset_blocks"),
        supplier_unbonding_period_sessions: 1,
        application_unbonding_period_sessions: 1,
        compute_units_to_tokens_multiplier: 42_000_000,
        gateway_unbonding_period_sessions: 1,
        compute_unit_cost_granularity: 1_000_000,
        session_grid_anchor_height: field("session_grid_anchor_height"),
        session_number_at_anchor: field("session_number_at_anchor"),
    }
}

#[test]
fn grids() {
    let vectors = load();
    let mut rows = 0;
    for set in list(&vectors, "grids") {
        let params = params(&set["params"]);
        let grid = Grid::new(&params).unwrap();
        assert_eq!(params::blocks_to_proof_close(&params), set["session_end_to_proof_window_close"].as_u64().unwrap());
        assert_eq!(pending_sessions(&params), set["pending_sessions"].as_u64().unwrap());
        assert_eq!(validate(&params).is_ok(), set["params_validate_basic"]["verdict"] == "ok", "{}", set["params"]);
        for row in list(set, "rows") {
            rows += 1;
            let at = height(&row["height"]);
            let windows = Windows::of(grid.end(at), &params);
            assert_eq!(grid.number(at), row["number"].as_i64().unwrap(), "{row}");
            assert_eq!(grid.is_start(at), row["is_start"].as_bool().unwrap(), "{row}");
            assert_eq!(grid.is_end(at), row["is_end"].as_bool().unwrap(), "{row}");
            let heights = [
                ("start", grid.start(at)),
                ("end", grid.end(at)),
                ("next_start", grid.next(at)),
                ("grace_end", grid.grace_end(at)),
                ("grace_end", windows.grace_end),
                ("claim_open", windows.claim_open),
                ("claim_close", windows.claim_close),
                ("proof_open", windows.proof_open),
                ("proof_close", windows.proof_close),
                ("earliest_claim_commit", windows.claim_open),
                ("earliest_proof_commit", windows.proof_open),
                ("settlement", windows.settlement),
            ];
            for (name, ours) in heights {
                assert_eq!(ours, height(&row[name]), "{name} of {row} under {}", set["params"]);
            }
        }
    }
    assert_eq!(rows, 403);
}

#[test]
fn grace_elapsed() {
    let vectors = load();
    for case in list(&vectors, "grace_elapsed") {
        let set = list(&vectors, "grids").iter().find(|set| set["params"]["name"] == case["params"]).unwrap();
        let grid = Grid::new(&params(&set["params"])).unwrap();
        let elapsed = grid.grace_elapsed(height(&case["query_height"]), height(&case["current_height"]));
        assert_eq!(elapsed, case["elapsed"].as_bool().unwrap(), "{case}");
    }
}

#[test]
fn session_ids() {
    for case in list(&load(), "session_ids") {
        let grid = Grid::new(&Params {
            num_blocks_per_session: case["num_blocks_per_session"].as_u64().unwrap(),
            session_grid_anchor_height: case["session_grid_anchor_height"].as_u64().unwrap(),
            session_number_at_anchor: 1,
            ..Params::default()
        })
        .unwrap();
        let start = grid.start(height(&case["height"]));
        assert_eq!(start, height(&case["session_start"]), "{case}");
        let hash = hex::decode(text(&case["block_hash"])).unwrap();
        let (service, application) =
            (text(&case["service_id"]).into(), text(&case["application_address"]).parse().unwrap());
        assert_eq!(hex::encode(preimage(&hash, &service, &application, start)), text(&case["preimage"]), "{case}");
        assert_eq!(session_id(&hash, &service, &application, start).as_str(), text(&case["session_id"]), "{case}");
    }
}

#[test]
fn supplier_selection() {
    for case in list(&load(), "supplier_selection") {
        let places = usize::try_from(case["num_suppliers_per_session"].as_u64().unwrap()).unwrap();
        let candidates: Vec<Candidate> = case["candidates"].as_array().into_iter().flatten().map(candidate).collect();
        let preimage = if case["session_header"].is_null() {
            Vec::new()
        } else {
            let header = &case["session_header"];
            let hash = hex::decode(text(&case["start_block_hash"])).unwrap();
            let (service, application) =
                (text(&header["service_id"]).into(), text(&header["application_address"]).parse().unwrap());
            let start = height(&header["session_start_block_height"]);
            assert_eq!(
                session_id(&hash, &service, &application, start).as_str(),
                text(&header["session_id"]),
                "{case}"
            );
            preimage(&hash, &service, &application, start)
        };
        if !preimage.is_empty() {
            for listed in case["candidates"].as_array().into_iter().flatten() {
                assert_eq!(weight(&preimage, text(&listed["operator_address"])), listed["weight"].as_i64().unwrap());
            }
        }
        let ours = select_suppliers(&preimage, &candidates, height(&case["height"]), places);
        let selected: Vec<&str> = case["selected"].as_array().unwrap().iter().map(text).collect();
        assert_eq!(ours, selected, "{}", case["name"]);
        assert_eq!(ours.is_empty(), case["result"]["verdict"] == "error", "{}", case["name"]);
    }
}

fn candidate(listed: &Value) -> Candidate {
    let deactivation = height(&listed["deactivation_height"]);
    Candidate {
        operator: text(&listed["operator_address"]).to_owned(),
        activation: height(&listed["activation_height"]),
        deactivation: (deactivation != Height(0)).then_some(deactivation),
    }
}

#[test]
fn params_history() {
    for case in list(&load(), "params_history") {
        let mut history = ParamsHistory::new(case["live_num_blocks_per_session"].as_i64().unwrap());
        let heights = case["effective_heights"].as_array().into_iter().flatten();
        let values = case["num_blocks_per_session"].as_array().into_iter().flatten();
        for (effective, value) in heights.zip(values) {
            history.record(height(effective), value.as_i64().unwrap());
        }
        for (at, expected) in case["at_height"].as_object().unwrap() {
            assert_eq!(*history.at(Height(at.parse().unwrap())), expected.as_i64().unwrap(), "{at} in {case}");
        }
    }
}
