use super::*;
use crate::relay::{check_request, encode_response, sign_response};
use crate::ring::{RingSignature, Verifier};
use crate::units::Height;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).unwrap()
}

fn header(application: &SecretKey) -> SessionHeader {
    let application = application.address().clone();
    SessionHeader { application, service: "anvil".into(), id: "5e55".into(), start: Height(1), end: Height(10) }
}

fn request(application: &SecretKey, supplier: &SecretKey) -> RelayRequest {
    let ring = [*application.public_key(), *application.public_key()];
    let payload = json_rpc_payload(Bytes::from_static(b"{}"));
    sign_request(&header(application), &ring, supplier.address(), payload, application).unwrap()
}

fn answer(application: &SecretKey, signer: &SecretKey) -> RelayResponse {
    let payload = envelope::encode_response(StatusCode::OK, &HeaderMap::new(), Bytes::from_static(b"result"));
    sign_response(&header(application), payload, signer).unwrap()
}

#[test]
fn a_signed_request_passes_every_check_of_a_relayer() {
    let (application, supplier) = (key(1), key(2));
    let request = request(&application, &supplier);
    let identity = check_request(&request).unwrap();
    assert_eq!((identity.session, &identity.supplier), (header(&application), supplier.address()));
    let signature = RingSignature::decode(&request.meta.as_ref().unwrap().signature, 2).unwrap();
    assert!(Verifier::new(1 << 20).verify(&request_digest(&request), &signature));
}

#[test]
fn an_honest_answer_is_verified() {
    let (application, supplier) = (key(1), key(2));
    let body = encode_response(&answer(&application, &supplier)).into();
    let verified = verify(&request(&application, &supplier), body, supplier.public_key()).unwrap();
    assert_eq!((verified.answer.status.as_u16(), verified.answer.body.as_ref()), (200, b"result".as_slice()));
}

#[test]
fn a_forged_answer_is_not() {
    let (application, supplier, stranger) = (key(1), key(2), key(3));
    let outcome = |response: &RelayResponse, public: &SecretKey| {
        let body = encode_response(response).into();
        verify(&request(&application, &supplier), body, public.public_key()).map(|_| ())
    };
    let honest = answer(&application, &supplier);
    assert!(matches!(outcome(&answer(&application, &stranger), &supplier), Err(ClientError::Signature(_))));
    assert!(matches!(outcome(&answer(&stranger, &supplier), &supplier), Err(ClientError::OtherSession)));
    let payload = envelope::encode_response(StatusCode::OK, &HeaderMap::new(), Bytes::from_static(b"other"));
    let swapped = RelayResponse { payload, ..honest };
    assert!(matches!(outcome(&swapped, &supplier), Err(ClientError::PayloadHash)));
}
