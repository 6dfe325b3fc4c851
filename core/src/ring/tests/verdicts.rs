//! `verify` of `ring_signatures.json`: our verdict beside the network's.

use std::collections::BTreeMap;

use super::recorded::{array, cases, hex, json, keys, text};
use crate::ring::membership::{RingCheckError, RingKeys, check};
use crate::ring::{RingSignature, RingSignatureError, Verifier};

const MAX_MEMBERS: usize = 16;

/// What the network accepts and we refuse, and how.
fn stricter() -> BTreeMap<&'static str, RingCheckError> {
    let length = |length| RingSignatureError::Length { members: 3, expected: 264, length };
    let undecodable = [
        ("one trailing zero byte", length(265)),
        ("65 trailing bytes", length(329)),
        ("trailing copy of itself", length(528)),
        ("s[1] = n+7, non-canonical twin", RingSignatureError::Scalar { offset: 134 }),
        ("ring [app, placeholder] signed by the placeholder", RingSignatureError::PlaceholderKeyImage),
    ];
    let identity = [("nonce u = 0", RingCheckError::Invalid), ("ring of one, u = 0", RingCheckError::Invalid)];
    undecodable.map(|(name, error)| (name, RingCheckError::Undecodable(error))).into_iter().chain(identity).collect()
}

// rule: D-53, R-27
#[test]
fn verdicts_are_the_networks_or_stricter_as_listed() {
    let vectors = json("vectors/ring_signatures.json");
    let verifier = Verifier::new(64 << 20);
    // The later rounds find tables.
    for round in 0..3 {
        let mut stricter = stricter();
        for case in cases(&vectors, "verify", 115) {
            let name = text(case, "name");
            let expected = RingKeys::from(keys(case, "expected_members"));
            let verdict = check(&verifier, &array(case, "message"), &hex(case, "signature"), &expected);
            match (text(case, "class"), verdict) {
                ("ok", Err(error)) => assert_eq!(stricter.remove(name), Some(error), "{name}, round {round}"),
                ("ok", Ok(_))
                | ("deserialize_error", Err(RingCheckError::Undecodable(_)))
                | ("not_a_member", Err(RingCheckError::Stranger(_)))
                | ("verify_false", Err(RingCheckError::Invalid | RingCheckError::Undecodable(_))) => {}
                (class, verdict) => panic!("{name}: {class}, but {verdict:?}"),
            }
        }
        assert!(stricter.is_empty(), "accepted after all: {stricter:?}");
    }
}

#[test]
fn fields_are_read_as_the_network_reads_them() {
    let vectors = json("vectors/ring_signatures.json");
    let mut compared = 0;
    for case in cases(&vectors, "verify", 115) {
        let bytes = hex(case, "signature");
        let Ok(signature) = RingSignature::decode(&bytes, MAX_MEMBERS) else { continue };
        assert_eq!(text(case, "deserialize"), "ok", "{}", case["name"]);
        let parsed = &case["parsed"];
        assert_eq!(signature.members(), keys(parsed, "members"));
        assert_eq!(signature.key_image()[..], hex(parsed, "key_image"));
        assert_eq!(signature.first_challenge.to_bytes()[..], hex(parsed, "c0"));
        let responses: Vec<_> = signature.responses.iter().map(|response| hex::encode(response.to_bytes())).collect();
        assert_eq!(serde_json::to_value(responses).unwrap(), parsed["s"]);
        assert_eq!(signature.encode(), bytes);
        compared += 1;
    }
    assert_eq!(compared, 63);
}

// rule: D-53
#[test]
fn the_limit_on_members_comes_before_everything_else() {
    let vectors = json("vectors/ring_signatures.json");
    let eight = cases(&vectors, "verify", 115).iter().find(|case| text(case, "name") == "ring of 8, signer 0").unwrap();
    let bytes = hex(eight, "signature");
    assert!(RingSignature::decode(&bytes, 8).is_ok());
    assert_eq!(
        RingSignature::decode(&bytes, 7),
        Err(RingSignatureError::TooManyMembers { members: 8, max_members: 7 })
    );
    assert_eq!(
        RingSignature::decode(&u32::MAX.to_be_bytes(), usize::MAX).map(|_| ()).unwrap_err().to_string(),
        RingSignatureError::Length { members: 4_294_967_295, expected: 279_172_874_244, length: 4 }.to_string()
    );
    assert_eq!(RingSignature::decode(&[0; 69], 8), Err(RingSignatureError::NoMembers));
}
