use crate::address::SecretKey;
use crate::ring::{RingSignature, Verifier, sign};

#[test]
fn a_signature_verifies_for_its_message_only() {
    let keys: Vec<_> = (1..=3u8).map(|n| SecretKey::from_bytes(&[n; 32]).unwrap()).collect();
    let ring: Vec<_> = keys.iter().map(|key| *key.public_key()).collect();
    let verifier = Verifier::new(1 << 20);
    for key in &keys {
        let signed = sign(&[7; 32], &ring, key, &mut rand::rng()).unwrap();
        let decoded = RingSignature::decode(&signed.encode(), 3).unwrap();
        assert_eq!(decoded, signed);
        assert!(verifier.verify(&[7; 32], &decoded));
        assert!(!verifier.verify(&[8; 32], &decoded));
    }
}
