use relay_core::config::Period;

use super::*;

const MINIMAL: &str = "
name: miner-0
chain:
  id: pocket
  nodes: [{name: a, rpc: 'http://127.0.0.1:26657', grpc: '127.0.0.1:9090'}]
redis: {url: 'redis://127.0.0.1:6379', prefix: pool}
keys: {directory: /keys}
";

fn parse(text: &str) -> Result<Config, ConfigError> {
    let config: Config = relay_core::config::parse(text, "test.yaml")?;
    config.check()?;
    Ok(config)
}

#[test]
fn what_is_left_out_has_a_default() {
    let config = parse(MINIMAL).expect("valid");
    assert_eq!((config.leases.ttl, config.leases.renew), (Period::from_secs(6), Period::from_secs(2)));
    assert_eq!(config.leases, LeaseSection::default());
    assert_eq!(config.transactions.max_messages, 30);
}

#[test]
fn an_unknown_key_is_refused() {
    let text = format!("{MINIMAL}leeses: {{ttl: 6s}}\n");
    assert!(parse(&text).expect_err("unknown key").to_string().contains("leeses"));
}

#[test]
fn a_lease_must_survive_two_missed_renewals() {
    let text = format!("{MINIMAL}leases: {{ttl: 6s, renew: 3s}}\n");
    assert!(parse(&text).expect_err("too slow").to_string().contains("leases.renew"));
}

#[test]
fn logs_are_asked_for_more_often_near_a_close_and_read_within_a_bound() {
    for (section, key) in [
        ("{poll: 1s, pollNearClose: 2s}", "intake.pollNearClose"),
        ("{pollNearClose: 0s}", "intake.pollNearClose"),
        ("{poll: 1m}", "intake.poll"),
        ("{maxBytesInFlight: 1000}", "intake.maxBytesInFlight"),
    ] {
        let error = parse(&format!("{MINIMAL}intake: {section}\n")).expect_err(section);
        assert!(error.to_string().contains(key), "{error}");
    }
    let config = parse(&format!("{MINIMAL}intake: {{maxBytesInFlight: 8388608}}\n")).expect("valid");
    assert_eq!(config.intake.max_bytes_in_flight, 8 << 20);
    assert_eq!(config.intake.poll, Period::from_secs(1));
}

#[test]
fn a_configuration_survives_being_written_and_read() {
    let config = parse(MINIMAL).expect("valid");
    let text = serde_json::to_string(&config).expect("serialisable");
    assert_eq!(parse(&text).expect("JSON is YAML"), config);
}

#[test]
fn a_gas_price_may_be_higher_than_the_usual_ceiling() {
    assert!(parse(&format!("{MINIMAL}transactions: {{gasPrice: 5upokt}}\n")).is_ok());
    let text = format!("{MINIMAL}transactions: {{gasPrice: 5upokt, maxGasPrice: 4upokt}}\n");
    assert!(parse(&text).expect_err("a ceiling below the price").to_string().contains("maxGasPrice"));
}

#[test]
fn gas_is_simulated_or_given_for_each_message() {
    let text = format!("{MINIMAL}transactions: {{gas: {{claim: 150000, proof: 400000}}}}\n");
    let config = parse(&text).expect("valid");
    assert_eq!(config.transactions.gas, crate::submission::GasMode::Fixed { claim: 150_000, proof: 400_000 });
    assert!(parse(&format!("{MINIMAL}transactions: {{gas: simulate}}\n")).is_ok());
    assert!(parse(&format!("{MINIMAL}transactions: {{gas: {{claim: 0, proof: 1}}}}\n")).is_err());
}

/// The names of all keys in a value.
fn keys(value: &serde_json::Value, known: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(object) => {
            for (key, value) in object {
                known.insert(key.clone());
                keys(value, known);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, known)),
        _ => {}
    }
}

#[test]
fn the_example_has_every_key_and_calls_defaults_what_they_are() {
    let text = include_str!("../../../examples/miner/miner.yaml");
    let example = parse(text).expect("the example is good");
    let mut known = std::collections::BTreeSet::new();
    keys(&serde_json::to_value(&example).expect("serialisable"), &mut known);
    let lacking: Vec<_> = known.iter().filter(|key| !text.contains(&format!("{key}:"))).collect();
    assert!(lacking.is_empty(), "examples/miner/miner.yaml lacks {lacking:?}");
    let usual = Config::new(example.name.clone(), example.chain.clone(), example.redis.clone(), example.keys.clone());
    assert_eq!(example, usual);
}
