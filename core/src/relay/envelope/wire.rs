//! The bytes of the envelope. The generated encoder leaves out an empty key or value inside a map entry; gateways write both.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint};

use crate::proto::sdk::types::{Header, PokthttpRequest, PokthttpResponse};

/// The bytes of a call: fields ascending, map entries in the order of their keys.
#[must_use]
pub fn encode_request_message(message: &PokthttpRequest) -> Bytes {
    let mut out = Vec::with_capacity(message.encoded_len() + 2 * message.header.len());
    bytes_unless_empty(1, message.method.as_bytes(), &mut out);
    headers(&message.header, &mut out);
    bytes_unless_empty(3, message.url.as_bytes(), &mut out);
    bytes_unless_empty(4, &message.body_bz, &mut out);
    out.into()
}

/// The bytes of an answer: fields ascending, map entries in the order of their keys.
#[must_use]
pub fn encode_response_message(message: &PokthttpResponse) -> Bytes {
    let mut out = Vec::with_capacity(message.encoded_len() + 2 * message.header.len());
    if message.status_code != 0 {
        encode_key(1, WireType::Varint, &mut out);
        encode_varint(u64::from(message.status_code), &mut out);
    }
    headers(&message.header, &mut out);
    bytes_unless_empty(3, &message.body_bz, &mut out);
    out.into()
}

fn headers(map: &BTreeMap<String, Header>, out: &mut Vec<u8>) {
    let mut entry = Vec::new();
    for (name, header) in map {
        entry.clear();
        delimited(1, name.as_bytes(), &mut entry);
        delimited(2, &header.encode_to_vec(), &mut entry);
        delimited(2, &entry, out);
    }
}

fn bytes_unless_empty(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    if !bytes.is_empty() {
        delimited(field, bytes, out);
    }
}

fn delimited(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
