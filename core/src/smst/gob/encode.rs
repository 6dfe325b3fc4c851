//! Writing a proof.

use crate::smst::compact::{CompactProof, CompactSides};

/// The definitions of `SparseCompactMerkleClosestProof` (id 64), `[][]uint8` (65) and `SparseCompactMerkleProof` (66).
pub(super) const PREAMBLE: &[u8; 286] = b"\xff\x87\
    \x7f\x03\x01\x01\x1fSparseCompactMerkleClosestProof\x01\xff\x80\x00\x01\x06\
    \x01\x04Path\x01\x0a\x00\
    \x01\x0bFlippedBits\x01\xff\x82\x00\
    \x01\x05Depth\x01\x0a\x00\
    \x01\x0bClosestPath\x01\x0a\x00\
    \x01\x10ClosestValueHash\x01\x0a\x00\
    \x01\x0cClosestProof\x01\xff\x84\x00\
    \x00\x00\
    \x17\xff\x81\x02\x01\x01\x09[][]uint8\x01\xff\x82\x00\x01\x0a\x00\x00\
    \x7c\xff\x83\x03\x01\x01\x18SparseCompactMerkleProof\x01\xff\x84\x00\x01\x05\
    \x01\x09SideNodes\x01\xff\x82\x00\
    \x01\x15NonMembershipLeafData\x01\x0a\x00\
    \x01\x07BitMask\x01\x0a\x00\
    \x01\x0cNumSideNodes\x01\x04\x00\
    \x01\x0bSiblingData\x01\x0a\x00\
    \x00\x00";

/// Type id of the value: the first user type.
const CLOSEST_PROOF: i64 = 64;

/// The bytes of `MsgSubmitProof.proof`, equal to those of the network's own encoder.
#[must_use]
pub fn encode(proof: &CompactProof) -> Vec<u8> {
    let mut value = Vec::new();
    put_int(&mut value, CLOSEST_PROOF);
    let mut fields = Fields::new(&mut value);
    fields.bytes(0, &proof.path);
    fields.slices(1, &proof.flipped_bits);
    fields.bytes(2, &proof.depth);
    fields.bytes(3, &proof.closest_path);
    fields.bytes(4, &proof.closest_value_hash);
    if let Some(sides) = &proof.closest_proof {
        fields.announce(5);
        put_sides(fields.out, sides);
    }
    fields.end();

    let mut message = PREAMBLE.to_vec();
    put_bytes(&mut message, &value);
    message
}

fn put_sides(out: &mut Vec<u8>, sides: &CompactSides) {
    let mut fields = Fields::new(out);
    fields.slices(0, &sides.side_nodes);
    fields.bytes(1, &sides.non_membership_leaf_data);
    fields.bytes(2, &sides.bit_mask);
    if sides.num_side_nodes != 0 {
        fields.announce(3);
        put_int(fields.out, sides.num_side_nodes);
    }
    fields.bytes(4, &sides.sibling_data);
    fields.end();
}

/// A struct being written: every field is announced by its distance from the previous one, empty fields are left out.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
    next: u64,
}

impl<'a> Fields<'a> {
    fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, next: 0 }
    }

    fn announce(&mut self, index: u64) {
        put_uint(self.out, index + 1 - self.next);
        self.next = index + 1;
    }

    fn bytes(&mut self, index: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.announce(index);
            put_bytes(self.out, bytes);
        }
    }

    fn slices(&mut self, index: u64, slices: &[Vec<u8>]) {
        if !slices.is_empty() {
            self.announce(index);
            put_uint(self.out, slices.len() as u64);
            for bytes in slices {
                put_bytes(self.out, bytes);
            }
        }
    }

    fn end(self) {
        self.out.push(0);
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Up to 127 the number itself, else the negated number of bytes and the minimal big-endian bytes.
fn put_uint(out: &mut Vec<u8>, number: u64) {
    let bytes = number.to_be_bytes();
    let skipped = (number.leading_zeros() / 8) as usize;
    match bytes {
        [0, 0, 0, 0, 0, 0, 0, byte] if byte < 0x80 => out.push(byte),
        _ => {
            // 8 - skipped bytes follow; their number, negated in two's complement, is 248 + skipped.
            out.push(0xf8 + u8::try_from(skipped).unwrap_or(7));
            out.extend_from_slice(&bytes[skipped..]);
        }
    }
}

/// Signed numbers carry their sign in the lowest bit.
fn put_int(out: &mut Vec<u8>, number: i64) {
    put_uint(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_their_shortest_form() {
        let uint = |number| {
            let mut out = Vec::new();
            put_uint(&mut out, number);
            out
        };
        assert_eq!(uint(0), [0]);
        assert_eq!(uint(127), [127]);
        assert_eq!(uint(128), [0xff, 0x80]);
        assert_eq!(uint(300), [0xfe, 1, 0x2c]);
        assert_eq!(uint(u64::MAX), [0xf8, 255, 255, 255, 255, 255, 255, 255, 255]);
        let int = |number| {
            let mut out = Vec::new();
            put_int(&mut out, number);
            out
        };
        assert_eq!(int(5), [10]);
        assert_eq!(int(64), [0xff, 0x80]);
        assert_eq!(int(128), [0xfe, 1, 0]);
        assert_eq!(int(-64), [0x7f]);
        assert_eq!(int(-65), [0xff, 0x81]);
    }
}
