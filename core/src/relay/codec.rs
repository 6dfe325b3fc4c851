use bytes::Bytes;
use prost::Message;

use crate::proto::pocket::service::{Relay, RelayRequest, RelayResponse};

/// Why bytes are not the relay message they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Broken protobuf, or a text that is not UTF-8.
    #[error("not a {message}: {reason}")]
    Malformed {
        /// The expected message.
        message: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// A payload hash of zero bytes changes what the chain hashes, but vanishes when decoded.
    #[error("the payload hash of a RelayResponse is present but empty")]
    EmptyPayloadHash,
}

/// Decodes a request. Order, repetition and unknown fields are tolerated, as the chain tolerates them.
pub fn decode_request(bytes: Bytes) -> Result<RelayRequest, DecodeError> {
    decode("RelayRequest", bytes)
}

/// Decodes a response. One with a payload hash that is present but empty is refused.
pub fn decode_response(bytes: Bytes) -> Result<RelayResponse, DecodeError> {
    let response: RelayResponse = decode("RelayResponse", bytes.clone())?;
    if response.payload_hash.is_empty() && Presence::decode(bytes).is_ok_and(|fields| fields.payload_hash.is_some()) {
        return Err(DecodeError::EmptyPayloadHash);
    }
    Ok(response)
}

/// Decodes a mined relay.
pub fn decode_relay(bytes: Bytes) -> Result<Relay, DecodeError> {
    let relay: Relay = decode("Relay", bytes.clone())?;
    let hash_is_empty = relay.res.as_ref().is_some_and(|response| response.payload_hash.is_empty());
    if hash_is_empty
        && RelayPresence::decode(bytes)
            .is_ok_and(|fields| fields.response.is_some_and(|response| response.payload_hash.is_some()))
    {
        return Err(DecodeError::EmptyPayloadHash);
    }
    Ok(relay)
}

fn decode<M: Message + Default>(message: &'static str, bytes: Bytes) -> Result<M, DecodeError> {
    M::decode(bytes).map_err(|error| DecodeError::Malformed { message, reason: error.to_string() })
}

/// The one field of a response whose presence matters beside its value.
#[derive(Clone, PartialEq, Message)]
struct Presence {
    #[prost(bytes = "bytes", optional, tag = "4")]
    payload_hash: Option<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct RelayPresence {
    #[prost(message, optional, tag = "2")]
    response: Option<Presence>,
}

/// The canonical encoding: `meta` is always there.
#[must_use]
pub fn encode_request(request: &RelayRequest) -> Vec<u8> {
    if request.meta.is_some() {
        return request.encode_to_vec();
    }
    RelayRequest { meta: Some(request.meta.clone().unwrap_or_default()), payload: request.payload.clone() }
        .encode_to_vec()
}

/// The canonical encoding: `meta` is always there.
#[must_use]
pub fn encode_response(response: &RelayResponse) -> Vec<u8> {
    if response.meta.is_some() {
        return response.encode_to_vec();
    }
    RelayResponse { meta: Some(response.meta.clone().unwrap_or_default()), ..response.clone() }.encode_to_vec()
}

/// The canonical encoding: a part that is there has its `meta`.
#[must_use]
pub fn encode_relay(relay: &Relay) -> Vec<u8> {
    let mut relay = relay.clone();
    if let Some(request) = &mut relay.req {
        request.meta.get_or_insert_default();
    }
    if let Some(response) = &mut relay.res {
        response.meta.get_or_insert_default();
    }
    relay.encode_to_vec()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proto::pocket::service::{RelayRequestMetadata, RelayResponseMetadata};
    use crate::proto::pocket::session::SessionHeader;

    fn header() -> impl Strategy<Value = Option<SessionHeader>> {
        prop::option::of(("[a-z0-9]{0,8}", "[a-z]{0,4}", ".{0,6}", any::<i64>(), any::<i64>()).prop_map(
            |(application_address, service_id, session_id, start, end)| SessionHeader {
                application_address,
                service_id,
                session_id,
                session_start_block_height: start,
                session_end_block_height: end,
            },
        ))
    }

    prop_compose! {
        fn relay()(
            request_header in header(), response_header in header(), metas in any::<(bool, bool)>(),
            signature: Vec<u8>, supplier in ".{0,9}", payload: Vec<u8>, answer: Vec<u8>, payload_hash: Vec<u8>,
        ) -> Relay {
            Relay {
                req: Some(RelayRequest {
                    meta: metas.0.then(|| RelayRequestMetadata {
                        session_header: request_header,
                        signature: signature.clone(),
                        supplier_operator_address: supplier,
                    }),
                    payload: payload.into(),
                }),
                res: Some(RelayResponse {
                    meta: metas.1.then_some(RelayResponseMetadata {
                        session_header: response_header,
                        supplier_operator_signature: signature,
                    }),
                    payload: answer.into(),
                    relay_miner_error: None,
                    payload_hash,
                }),
            }
        }
    }

    proptest! {
        #[test]
        fn encoding_is_a_fixed_point(relay in relay()) {
            let bytes = encode_relay(&relay);
            let again = decode_relay(bytes.clone().into()).unwrap();
            prop_assert_eq!(encode_relay(&again), bytes);
            let request = relay.req.unwrap();
            let bytes = encode_request(&request);
            prop_assert_eq!(encode_request(&decode_request(bytes.clone().into()).unwrap()), bytes);
            let response = relay.res.unwrap();
            let bytes = encode_response(&response);
            prop_assert_eq!(encode_response(&decode_response(bytes.clone().into()).unwrap()), bytes);
        }

        #[test]
        fn no_bytes_break_the_decoders(bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            let _ = (decode_request(bytes.clone()), decode_response(bytes.clone()), decode_relay(bytes));
        }
    }

    #[test]
    fn an_empty_payload_hash_is_refused_inside_a_relay_too() {
        assert_eq!(decode_relay(Bytes::from_static(&[0x12, 2, 0x22, 0])), Err(DecodeError::EmptyPayloadHash));
        assert_eq!(decode_response(Bytes::from_static(&[0x22, 0])), Err(DecodeError::EmptyPayloadHash));
        assert!(decode_response(Bytes::from_static(&[0x22, 0, 0x22, 1, 7])).is_ok(), "the last one wins");
    }
}
