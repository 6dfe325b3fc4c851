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

#[test]
fn verdicts_stay_the_same_with_tables() {
    let keys: Vec<_> = (1..=3u8).map(|n| SecretKey::from_bytes(&[n; 32]).unwrap()).collect();
    let ring: Vec<_> = keys.iter().map(|key| *key.public_key()).collect();
    let verifier = Verifier::new(16 << 20);
    assert_eq!(verifier.table_bytes(), 0);
    for round in 0..5u8 {
        let signed = sign(&[round; 32], &ring, &keys[1], &mut rand::rng()).unwrap();
        let decoded = verifier.decode(&signed.encode(), 3).unwrap();
        assert_eq!(decoded, signed);
        assert!(!verifier.verify(&[99; 32], &decoded));
        assert!(verifier.verify(&[round; 32], &decoded));
        // Two verified signatures prepare the ring: two tables a member and one for the key image.
        assert_eq!(verifier.table_bytes() > 7 * 40 * 1024, round > 0);
    }
}
