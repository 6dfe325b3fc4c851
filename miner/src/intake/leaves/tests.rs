use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;
use relay_core::address::Address;
use relay_core::proto::pocket::service::{
    Relay, RelayRequest, RelayRequestMetadata, RelayResponse, RelayResponseMetadata,
};
use relay_core::relay::{RelayHash, Target};
use relay_core::smst::Root;
use relay_core::units::Height;

use super::*;

const LARGEST: usize = 4096;
const WEIGHT: u64 = 7;

fn address(number: u8) -> Address {
    Address::from_payload(&[number; 20]).unwrap()
}

fn header(id: &str) -> SessionHeader {
    SessionHeader { application: address(200), service: "svc".into(), id: id.into(), start: Height(1), end: Height(10) }
}

fn intake(supplier: u8, weight: u64, target: [u8; 32]) -> Intake {
    let terms =
        Terms { supplier: address(supplier), header: header("s"), target: Target(target), largest_relay: LARGEST };
    Intake::new(terms, ComputeUnits(weight))
}

/// A relay whose signatures are not valid; nobody looks at them here.
fn relay(number: u32, supplier: u8, request: &str, response: &str, hash: &[u8]) -> Relay {
    Relay {
        req: Some(RelayRequest {
            meta: Some(RelayRequestMetadata {
                session_header: Some((&header(request)).into()),
                signature: vec![1; 64],
                supplier_operator_address: address(supplier).as_str().to_owned(),
            }),
            payload: Bytes::from(number.to_be_bytes().to_vec()),
        }),
        res: Some(RelayResponse {
            meta: Some(RelayResponseMetadata {
                session_header: Some((&header(response)).into()),
                supplier_operator_signature: vec![2; 64],
            }),
            payload_hash: hash.to_vec(),
            ..RelayResponse::default()
        }),
    }
}

fn good(number: u32) -> Vec<u8> {
    relay(number, 1, "s", "s", &[3; 32]).encode_to_vec()
}

/// What may stand in a log, and what becomes of it.
#[derive(Debug, Clone)]
enum Kind {
    Good(u32),
    Refused(Vec<u8>, Refusal),
}

impl Kind {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Good(number) => good(*number),
            Self::Refused(bytes, _) => bytes.clone(),
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    let refused = |relay: Relay, refusal| Kind::Refused(relay.encode_to_vec(), refusal);
    prop_oneof![
        6 => (0..40_u32).prop_map(Kind::Good),
        1 => Just(Kind::Refused(Vec::new(), Refusal::Undecodable)),
        1 => prop::collection::vec(Just(0xff_u8), 1..30).prop_map(|bytes| Kind::Refused(bytes, Refusal::Undecodable)),
        1 => (0..40_u32).prop_map(|number| {
            // Cut within the response.
            let mut bytes = good(number);
            bytes.pop();
            Kind::Refused(bytes, Refusal::Undecodable)
        }),
        1 => (0..40_u32).prop_map(|number| {
            // The response's last field, a payload hash, is replaced by an empty one.
            let mut relay = relay(number, 1, "s", "s", &[]);
            let mut response = relay.res.take().unwrap().encode_to_vec();
            response.extend([0x22, 0]);
            let mut bytes = relay.encode_to_vec();
            prost::encoding::bytes::encode(2, &response, &mut bytes);
            Kind::Refused(bytes, Refusal::Undecodable)
        }),
        1 => (0..40_u32).prop_map(move |n| refused(relay(n, 2, "s", "s", &[3; 32]), Refusal::ForeignSupplier)),
        1 => (0..40_u32).prop_map(move |n| refused(relay(n, 1, "other", "s", &[3; 32]), Refusal::ForeignSession)),
        1 => (0..40_u32).prop_map(move |n| refused(relay(n, 1, "s", "other", &[3; 32]), Refusal::ForeignSession)),
        1 => (0..40_u32).prop_map(move |n| {
            refused(relay(n, 1, "s", "s", &[3; LARGEST]), Refusal::TooLarge)
        }),
    ]
}

fn log(kinds: &[Kind]) -> Vec<LogEntry> {
    let entry = |(at, kind): (usize, &Kind)| LogEntry {
        id: EntryId { ms: 1_000 + at as u64 / 3, seq: at as u64 % 3 },
        relay: kind.bytes().into(),
        arrival: Height(2),
        first_appended_ms: 0,
    };
    kinds.iter().enumerate().map(entry).collect()
}

fn read(entries: &[LogEntry], piece: usize) -> (Intake, Root) {
    let mut intake = intake(1, WEIGHT, [0xff; 32]);
    for piece in entries.chunks(piece) {
        assert_eq!(intake.take(piece).trouble, None);
    }
    let root = intake.trie().root();
    (intake, root)
}

proptest! {
    // rule: C-08, C-32, H-20, H-23, H-32
    #[test]
    fn every_entry_is_counted_in_one_place_and_none_stops_the_reading(kinds in prop::collection::vec(kind(), 0..80)) {
        let entries = log(&kinds);
        let mut intake = intake(1, WEIGHT, [0xff; 32]);
        let taken = intake.take(&entries);
        let numbers: Vec<u32> = kinds.iter().filter_map(|kind| match kind {
            Kind::Good(number) => Some(*number),
            Kind::Refused(..) => None,
        }).collect();
        let mut distinct = numbers.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let tally = intake.tally();
        prop_assert_eq!(tally.entries, entries.len() as u64);
        prop_assert_eq!(tally.leaves, distinct.len() as u64);
        prop_assert_eq!(tally.duplicates, (numbers.len() - distinct.len()) as u64);
        prop_assert_eq!(tally.entries, tally.leaves + tally.duplicates + tally.unclaimable);
        prop_assert_eq!(tally.compute_units, ComputeUnits(WEIGHT * tally.leaves));
        for refusal in Refusal::ALL {
            let expected = kinds.iter().filter(|kind| matches!(kind, Kind::Refused(_, why) if *why == refusal)).count();
            prop_assert_eq!(taken.refused[refusal as usize], expected as u64, "{}", refusal);
        }
        prop_assert_eq!(intake.cursor(), entries.last().map(|entry| entry.id));
        // A leaf knows where its relay stands: where it came first.
        for id in intake.trie().value_refs() {
            let entry = entries.iter().find(|entry| entry.id == id).unwrap();
            let first = entries.iter().find(|other| other.relay == entry.relay).unwrap();
            prop_assert_eq!(first.id, id);
        }
    }

    // rule: C-04, O-05
    #[test]
    fn a_log_gives_one_root_however_and_by_whomever_it_is_read(
        kinds in prop::collection::vec(kind(), 0..60), piece in 1..70_usize, other in 1..70_usize,
    ) {
        let entries = log(&kinds);
        let ((one, root), (two, again)) = (read(&entries, piece), read(&entries, other));
        prop_assert_eq!(root, again);
        prop_assert_eq!(one.tally(), two.tally());
    }
}

#[test]
fn a_hash_that_is_not_below_the_target_is_no_leaf() {
    let RelayHash(hash) = RelayHash::of(&good(5));
    let mut above = hash;
    let last = above.iter().rposition(|byte| *byte < 0xff).unwrap();
    above[last] += 1;
    let entries = log(&[Kind::Good(5)]);
    assert_eq!(intake(1, WEIGHT, above).take(&entries).leaves, 1);
    let taken = intake(1, WEIGHT, hash).take(&entries);
    assert_eq!((taken.leaves, taken.refused[Refusal::AboveTarget as usize]), (0, 1));
}

// rule: C-08, H-20
#[test]
fn a_relay_that_no_trie_can_take_is_passed_over_and_counted() {
    let mut intake = intake(1, u64::MAX, [0xff; 32]);
    let taken = intake.take(&log(&[Kind::Good(1), Kind::Good(2), Kind::Good(1)]));
    assert_eq!((taken.leaves, taken.uncountable, taken.duplicates, taken.trouble), (1, 1, 1, None));
    let tally = intake.tally();
    assert_eq!((tally.entries, tally.leaves, tally.duplicates, tally.unclaimable), (3, 1, 1, 1));
}

#[test]
fn only_what_every_owner_would_pass_over_is_passed_over() {
    assert!(is_passing(&TrieError::Full { leaves: 1_000 }), "another owner may have the memory");
    assert!(!is_passing(&TrieError::Full { leaves: MOST_LEAVES }));
    assert!(!is_passing(&TrieError::Overflow));
    assert!(!is_passing(&TrieError::Weight { weight: 1, expected: 2 }));
}

// rule: C-05, H-18
#[test]
fn two_suppliers_of_a_session_share_no_leaf() {
    let entries = log(&[Kind::Good(1), Kind::Good(2)]);
    let (mut ours, mut theirs) = (intake(1, WEIGHT, [0xff; 32]), intake(2, WEIGHT, [0xff; 32]));
    assert_eq!(ours.take(&entries).leaves, 2);
    let taken = theirs.take(&entries);
    assert_eq!((taken.leaves, taken.refused[Refusal::ForeignSupplier as usize]), (0, 2));
}

// rule: H-31
#[test]
fn a_relay_costs_at_most_200_bytes_of_memory() {
    let mut intake = intake(1, WEIGHT, [0xff; 32]);
    let mut most = 0;
    for number in 0..30_000 {
        intake.take(&log(&[Kind::Good(number)]));
        if number >= 1_000 {
            most = most.max(intake.bytes() / (number as usize + 1));
        }
    }
    assert_eq!(intake.tally().leaves, 30_000);
    assert!(most <= 200, "{most} bytes a relay");
}
