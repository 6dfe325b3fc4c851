use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::proto::pocket::service::{
    RelayMinerError, RelayRequest, RelayRequestMetadata, RelayResponse, RelayResponseMetadata,
};
use crate::relay::vectors::{bytes, list, load, text as string};
use crate::relay::{decode_relay, encode_relay};

/// The same bytes through both decoders: the same verdict and the same values.
fn agree(relay: &[u8]) {
    let (ours, theirs) = (RelayFields::read(relay), Relay::decode(relay));
    let Ok(theirs) = theirs else {
        assert!(ours.is_err(), "prost refuses {}", hex::encode(relay));
        return;
    };
    let ours = ours.unwrap_or_else(|error| panic!("prost takes {}: {error}", hex::encode(relay)));
    let meta = theirs.req.as_ref().and_then(|request| request.meta.as_ref());
    assert_eq!(ours.request.is_some(), meta.is_some());
    if let (Some(ours), Some(theirs)) = (ours.request, meta) {
        assert_eq!(ours.supplier, theirs.supplier_operator_address);
        same_header(ours.header, theirs.session_header.as_ref());
    }
    assert_eq!(ours.response.is_some(), theirs.res.is_some());
    if let (Some(ours), Some(theirs)) = (ours.response, &theirs.res) {
        assert_eq!(ours.has_meta, theirs.meta.is_some());
        assert_eq!(ours.payload_hash.unwrap_or_default(), theirs.payload_hash);
        same_header(ours.header, theirs.meta.as_ref().and_then(|meta| meta.session_header.as_ref()));
        let refused = decode_relay(relay.to_vec().into()).is_err();
        assert_eq!(ours.payload_hash.is_some_and(<[u8]>::is_empty), refused, "the one thing that prost cannot show");
    }
}

fn same_header(ours: Option<HeaderFields<'_>>, theirs: Option<&WireHeader>) {
    assert_eq!(ours.is_some(), theirs.is_some());
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        assert!(ours.is(theirs), "{ours:?} {theirs:?}");
    }
}

fn header() -> impl Strategy<Value = Option<WireHeader>> {
    prop::option::of(("[a-z0-9]{0,8}", "[a-z]{0,4}", ".{0,6}", any::<i64>(), any::<i64>()).prop_map(
        |(application_address, service_id, session_id, start, end)| WireHeader {
            application_address,
            service_id,
            session_id,
            session_start_block_height: start,
            session_end_block_height: end,
        },
    ))
}

prop_compose! {
    fn request()(
        session_header in header(), meta: bool, signature: Vec<u8>, supplier_operator_address in ".{0,9}", payload: Vec<u8>,
    ) -> RelayRequest {
        let meta = meta.then_some(RelayRequestMetadata { session_header, signature, supplier_operator_address });
        RelayRequest { meta, payload: payload.into() }
    }
}

prop_compose! {
    fn response()(
        session_header in header(), meta: bool, error in prop::option::of((".{0,3}", any::<u32>(), ".{0,3}", ".{0,3}")),
        supplier_operator_signature: Vec<u8>, payload: Vec<u8>, payload_hash: Vec<u8>,
    ) -> RelayResponse {
        RelayResponse {
            meta: meta.then_some(RelayResponseMetadata { session_header, supplier_operator_signature }),
            payload: payload.into(),
            relay_miner_error: error
                .map(|(codespace, code, description, message)| RelayMinerError { codespace, code, description, message }),
            payload_hash,
        }
    }
}

prop_compose! {
    fn relay()(req in prop::option::of(request()), res in prop::option::of(response())) -> Relay {
        Relay { req, res }
    }
}

/// A field that no message here has, of every wire type.
fn unknown() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<u8>().prop_map(|value| vec![0x50, value & 0x7f]),
        any::<[u8; 8]>().prop_map(|value| [&[0x51], &value[..]].concat()),
        any::<[u8; 4]>().prop_map(|value| [&[0x55], &value[..]].concat()),
        (0..9_u8).prop_map(|length| [vec![0x52, length], vec![length; usize::from(length)]].concat()),
        // A group, whole, empty, nested, or broken.
        prop::sample::select(vec![
            vec![0x53, 0x54],
            vec![0x53, 0x08, 0x01, 0x54],
            vec![0x53, 0x5b, 0x5c, 0x54],
            vec![0x53],
            vec![0x53, 0x5c],
            vec![0x54],
        ]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    // rule: C-08
    #[test]
    fn relays_are_read_as_prost_reads_them(relay in relay()) {
        agree(&relay.encode_to_vec());
        agree(&encode_relay(&relay));
    }

    #[test]
    fn repeated_messages_are_merged(relays in prop::collection::vec(relay(), 2..4)) {
        agree(&relays.iter().flat_map(Message::encode_to_vec).collect::<Vec<_>>());
    }

    #[test]
    fn unknown_fields_are_passed_over_at_every_depth(
        relay in relay(), extras in prop::collection::vec(unknown(), 1..3), at in prop::collection::vec(0..5_usize, 1..3),
    ) {
        agree(&with_extras(&relay, &extras, &at));
    }

    #[test]
    fn altered_bytes_get_the_same_verdict(
        relay in relay(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(), cuts: bool,
    ) {
        let mut wire = relay.encode_to_vec();
        prop_assume!(!wire.is_empty());
        for (at, value) in changes {
            let at = at.index(wire.len());
            wire[at] = value;
        }
        if cuts {
            wire.truncate(cut.index(wire.len()));
        }
        agree(&wire);
    }

    #[test]
    fn any_bytes_get_the_same_verdict(wire in prop::collection::vec(any::<u8>(), 0..40)) {
        agree(&wire);
    }

    // Bytes that are mostly keys and lengths of our fields get far deeper into the decoder than random ones.
    #[test]
    fn bytes_that_look_like_fields_get_the_same_verdict(
        wire in prop::collection::vec(
            prop_oneof![
                prop::sample::select(vec![0x08, 0x0a, 0x12, 0x1a, 0x20, 0x22, 0x28, 0x0b, 0x0c, 0x13, 0x14, 0x80, 0xff]),
                0..12_u8,
            ],
            0..60,
        ),
    ) {
        agree(&wire);
    }
}

/// Writes the relay by hand, with more fields after those of the messages chosen: relay, request, its metadata, response, its
/// metadata.
fn with_extras(relay: &Relay, extras: &[Vec<u8>], at: &[usize]) -> Vec<u8> {
    let more = |place: usize| -> Vec<u8> { if at.contains(&place) { extras.concat() } else { Vec::new() } };
    let nest = |tag: u32, inner: Vec<u8>| {
        let mut out = Vec::new();
        prost::encoding::bytes::encode(tag, &inner, &mut out);
        out
    };
    let mut out = Vec::new();
    if let Some(request) = &relay.req {
        let mut inner = Vec::new();
        if let Some(meta) = &request.meta {
            inner.extend(nest(1, [meta.encode_to_vec(), more(2)].concat()));
        }
        inner.extend(RelayRequest { meta: None, ..request.clone() }.encode_to_vec());
        inner.extend(more(1));
        out.extend(nest(1, inner));
    }
    if let Some(response) = &relay.res {
        let mut inner = Vec::new();
        if let Some(meta) = &response.meta {
            inner.extend(nest(1, [meta.encode_to_vec(), more(4)].concat()));
        }
        inner.extend(RelayResponse { meta: None, ..response.clone() }.encode_to_vec());
        inner.extend(more(3));
        out.extend(nest(2, inner));
    }
    out.extend(more(0));
    out
}

#[test]
fn every_vector_is_read_as_prost_reads_it() {
    let vectors = load("vectors/relay.json");
    for case in list(&vectors, "decode") {
        agree(&bytes(&case["in"]));
    }
    for case in list(&vectors, "relays") {
        let wire = bytes(&case["relay_bytes"]);
        agree(&wire);
        for length in 0..wire.len() {
            agree(&wire[..length]);
        }
    }
    let messages = load("fixtures/relays/mined_messages.json");
    for message in messages.as_array().unwrap() {
        use base64::Engine;
        let wire = base64::prelude::BASE64_STANDARD.decode(string(&message["relay_bytes_b64"])).unwrap();
        agree(&wire);
        let fields = RelayFields::read(&wire).unwrap();
        assert_eq!(fields.request.unwrap().supplier, string(&message["supplier"]));
        assert_eq!(fields.response.unwrap().header.unwrap().session, string(&message["session_id"]));
    }
}

#[test]
fn groups_may_nest_as_deep_as_prost_lets_them() {
    for depth in 90..110 {
        let group = [vec![0x53; depth], vec![0x54; depth]].concat();
        agree(&group);
        let mut in_request = Vec::new();
        prost::encoding::bytes::encode(1, &group, &mut in_request);
        agree(&in_request);
    }
}
