use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::response_digest;
use crate::address::{PublicKey, SecretKey};
use crate::proto::pocket::service::{RelayMinerError, RelayResponse, RelayResponseMetadata};
use crate::session::SessionHeader;

/// Why a response cannot be signed or does not verify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The chain has no hash for nothing. An HTTP answer never is nothing: its envelope has a status.
    #[error("attempted to update payload hash with an empty payload: wrap the answer in its envelope before signing")]
    EmptyPayload,
    /// There is no signature.
    #[error("missing supplier operator signature: invalid relay response")]
    Missing,
    /// Wrong length, high s, another key, or other contents than were signed.
    #[error("invalid signature: invalid relay response")]
    Invalid,
}

/// Builds and signs the response of a supplier. The same input gives the same bytes, so a repeated request gives the same
/// mined relay.
pub fn sign_response(header: &SessionHeader, payload: Bytes, key: &SecretKey) -> Result<RelayResponse, SignatureError> {
    sign(header, payload, None, key)
}

/// Builds and signs a response that says why there is no answer. It is for the caller: no relay is made of it.
pub fn sign_error(
    header: &SessionHeader,
    payload: Bytes,
    error: RelayMinerError,
    key: &SecretKey,
) -> Result<RelayResponse, SignatureError> {
    sign(header, payload, Some(error), key)
}

fn sign(
    header: &SessionHeader,
    payload: Bytes,
    relay_miner_error: Option<RelayMinerError>,
    key: &SecretKey,
) -> Result<RelayResponse, SignatureError> {
    if payload.is_empty() {
        return Err(SignatureError::EmptyPayload);
    }
    let hash = Sha256::digest(&payload).into();
    Ok(RelayResponse { payload, ..sign_hash(header, hash, relay_miner_error, key) })
}

/// Signs for a payload of which only the hash is known: that of a stream that leaves in parts. The response has no payload,
/// like every response in a mined relay.
#[must_use]
pub fn sign_payload_hash(header: &SessionHeader, payload_hash: [u8; 32], key: &SecretKey) -> RelayResponse {
    sign_hash(header, payload_hash, None, key)
}

fn sign_hash(
    header: &SessionHeader,
    payload_hash: [u8; 32],
    relay_miner_error: Option<RelayMinerError>,
    key: &SecretKey,
) -> RelayResponse {
    let meta = RelayResponseMetadata { session_header: Some(header.into()), supplier_operator_signature: Vec::new() };
    let payload_hash = payload_hash.to_vec();
    let mut response = RelayResponse { meta: Some(meta), payload: Bytes::new(), relay_miner_error, payload_hash };
    let signature = key.sign_prehash(&prehash(&response)).to_vec();
    if let Some(meta) = &mut response.meta {
        meta.supplier_operator_signature = signature;
    }
    response
}

/// Whether the supplier with this key signed the response. The payload hash is part of what is signed, its agreement
/// with the payload is not checked: a mined relay has no payload.
pub fn verify_response(response: &RelayResponse, key: &PublicKey) -> Result<(), SignatureError> {
    let signature = response.meta.as_ref().map(|meta| meta.supplier_operator_signature.as_slice()).unwrap_or_default();
    if signature.is_empty() {
        return Err(SignatureError::Missing);
    }
    if key.verify_prehash(&prehash(response), signature) { Ok(()) } else { Err(SignatureError::Invalid) }
}

fn prehash(response: &RelayResponse) -> [u8; 32] {
    Sha256::digest(response_digest(response)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Height;

    fn header() -> SessionHeader {
        SessionHeader {
            application: "pokt1ywnvlv6dcu6htpx5jtmcjyhwu39d07ny7ea3nr".parse().unwrap(),
            service: "anvil".into(),
            id: "5e55".into(),
            start: Height(11),
            end: Height(20),
        }
    }

    #[test]
    fn signs_what_it_verifies() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        let response = sign_response(&header(), Bytes::from_static(b"answer"), &key).unwrap();
        assert_eq!(verify_response(&response, key.public_key()), Ok(()));
        let mined = RelayResponse { payload: Bytes::new(), ..response.clone() };
        assert_eq!(verify_response(&mined, key.public_key()), Ok(()), "the payload is not needed");
        let stranger = SecretKey::from_bytes(&[8; 32]).unwrap();
        assert_eq!(verify_response(&response, stranger.public_key()), Err(SignatureError::Invalid));
        let altered = RelayResponse { payload_hash: vec![1; 32], ..response };
        assert_eq!(verify_response(&altered, key.public_key()), Err(SignatureError::Invalid));
        assert_eq!(verify_response(&RelayResponse::default(), key.public_key()), Err(SignatureError::Missing));
    }

    #[test]
    fn the_reason_of_an_error_is_signed() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        let error =
            RelayMinerError { code: 500, description: "backend error".to_owned(), ..RelayMinerError::default() };
        let response = sign_error(&header(), Bytes::from_static(b"error"), error.clone(), &key).unwrap();
        assert_eq!(response.relay_miner_error, Some(error));
        assert_eq!(verify_response(&response, key.public_key()), Ok(()));
        let silent = RelayResponse { relay_miner_error: None, ..response };
        assert_eq!(verify_response(&silent, key.public_key()), Err(SignatureError::Invalid));
    }

    #[test]
    fn a_hash_is_signed_as_its_payload_is() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        let response = sign_response(&header(), Bytes::from_static(b"answer"), &key).unwrap();
        let hashed = sign_payload_hash(&header(), Sha256::digest(b"answer").into(), &key);
        assert_eq!(hashed, RelayResponse { payload: Bytes::new(), ..response });
        assert_eq!(verify_response(&hashed, key.public_key()), Ok(()));
    }

    #[test]
    fn an_empty_payload_cannot_be_signed() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        assert_eq!(sign_response(&header(), Bytes::new(), &key), Err(SignatureError::EmptyPayload));
    }
}
