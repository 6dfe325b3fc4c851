//! `ring_client` of `ring_signatures.json`: whole requests, from bytes to a verdict.

use std::collections::BTreeMap;

use serde_json::Value;

use super::recorded::{array, cases, hex, json, text};
use crate::address::{Address, PublicKey, SecretKey};
use crate::relay::{check_request, decode_request, request_digest};
use crate::ring::membership::{Delegations, MissingKey, RingCheckError, RingKeys, RingMember, check, expected_ring};
use crate::ring::{RingSignatureError, Verifier};
use crate::units::Height;

/// What the network accepts and we refuse.
const STRICTER: [&str; 3] = [
    "no gateways, anybody signs with the placeholder key",
    "no gateways, placeholder alone twice",
    "signature with a trailing byte",
];

fn addresses(list: &Value) -> Vec<Address> {
    list.as_array().into_iter().flatten().map(|address| address.as_str().unwrap().parse().unwrap()).collect()
}

fn delegations(case: &Value) -> Delegations {
    let pending = case["pending_undelegations"].as_array().into_iter().flatten();
    let pending =
        pending.map(|entry| (Height(entry["session_end_height"].as_i64().unwrap()), addresses(&entry["gateways"])));
    Delegations { gateways: addresses(&case["delegatee_gateways"]), pending_undelegations: pending.collect() }
}

/// The end of the session that contains this height when sessions have the live number of blocks.
fn target(case: &Value) -> Height {
    let [end, blocks] = ["session_end", "live_num_blocks_per_session"].map(|field| case[field].as_i64().unwrap());
    Height((end + blocks - 1) / blocks * blocks)
}

fn recorded_ring(case: &Value) -> Vec<RingMember> {
    let members =
        case["expected_ring_members"].as_array().unwrap().iter().map(|member| match member.as_str().unwrap() {
            "placeholder" => RingMember::Placeholder,
            address => RingMember::Account(address.parse().unwrap()),
        });
    let mut members: Vec<_> = members.collect();
    members.sort();
    members.dedup();
    members
}

struct Network {
    application: Address,
    keys: BTreeMap<Address, PublicKey>,
    verifier: Verifier,
}

impl Network {
    fn new(client: &Value) -> Self {
        let without_key = addresses(&client["accounts_without_key"]);
        let keys = client["keys"].as_array().unwrap().iter().map(|entry| {
            let key = SecretKey::from_bytes(&array(entry, "private_key")).unwrap();
            assert_eq!(key.address().as_str(), text(entry, "address"));
            (key.address().clone(), *key.public_key())
        });
        let keys = keys.filter(|(address, _)| !without_key.contains(address)).collect();
        let application = text(&client["keys"][0], "address").parse().unwrap();
        Self { application, keys, verifier: Verifier::new(16 << 20) }
    }

    fn keys_for(&self, case: &Value) -> Result<RingKeys, MissingKey> {
        let ring = expected_ring(&self.application, &delegations(case), target(case));
        RingKeys::resolve(&ring, |address| self.keys.get(address).copied())
    }

    /// Everything from the bytes on, in the order in which a relayer does it.
    fn verdict(&self, case: &Value) -> Result<(), String> {
        let request = decode_request(hex(case, "relay_request").into()).map_err(|error| error.to_string())?;
        let identity = check_request(&request).map_err(|error| error.to_string())?;
        if identity.session.application != self.application {
            return Err("application not found".to_owned());
        }
        let keys = self.keys_for(case).map_err(|error| error.to_string())?;
        let signature = &request.meta.as_ref().unwrap().signature;
        check(&self.verifier, &request_digest(&request), signature, &keys).map_err(|error| error.to_string())?;
        Ok(())
    }
}

#[test]
fn expected_rings_are_the_networks() {
    let vectors = json("vectors/ring_signatures.json");
    let network = Network::new(&vectors["ring_client"]);
    for case in cases(&vectors["ring_client"], "cases", 34) {
        let ring = expected_ring(&network.application, &delegations(case), target(case));
        assert_eq!(ring, recorded_ring(case), "{}", case["name"]);
        let missing = network.keys_for(case).err();
        assert_eq!(missing.is_some(), case["expected_ring_error"].is_string(), "{}", case["name"]);
        if let Some(MissingKey(address)) = missing {
            assert!(text(case, "expected_ring_error").contains(address.as_str()));
        }
    }
}

#[test]
fn whole_requests_get_the_networks_verdict_or_a_stricter_one() {
    let vectors = json("vectors/ring_signatures.json");
    let network = Network::new(&vectors["ring_client"]);
    let mut refused_only_here = Vec::new();
    let mut accepted = 0;
    for case in cases(&vectors["ring_client"], "cases", 34) {
        match (network.verdict(case), text(&case["result"], "verdict")) {
            (Ok(()), "ok") => accepted += 1,
            (Err(_), "ok") => refused_only_here.push(text(case, "name")),
            (verdict, expected) => assert!(verdict.is_err() && expected == "error", "{}", case["name"]),
        }
    }
    assert_eq!(refused_only_here, STRICTER);
    assert_eq!(accepted, 14);
}

#[test]
fn refusals_name_their_reason() {
    let vectors = json("vectors/ring_signatures.json");
    let network = Network::new(&vectors["ring_client"]);
    let by_name = |name: &str| {
        let case = cases(&vectors["ring_client"], "cases", 34).iter().find(|case| text(case, "name") == name).unwrap();
        let request = decode_request(hex(case, "relay_request").into()).unwrap();
        let signature = &request.meta.as_ref().unwrap().signature;
        check(&network.verifier, &request_digest(&request), signature, &network.keys_for(case).unwrap()).unwrap_err()
    };
    let placeholder = RingCheckError::Undecodable(RingSignatureError::PlaceholderKeyImage);
    assert_eq!(by_name("no gateways, anybody signs with the placeholder key"), placeholder);
    assert_eq!(by_name("payload changed after signing"), RingCheckError::Invalid);
    assert!(matches!(by_name("gateway not delegated"), RingCheckError::Stranger(_)));
    assert!(matches!(by_name("undelegated in an earlier session"), RingCheckError::Stranger(_)));
}
