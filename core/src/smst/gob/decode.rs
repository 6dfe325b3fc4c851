//! Reading a proof.

use super::GobError;
use super::reader::Reader;
use super::types::{BYTES, INT, Type, Types, each_field};
use crate::smst::compact::{CompactProof, CompactSides};

/// Fields of a struct: name and type id.
type Fields<'a> = [(&'a [u8], i64)];

/// What a field of ours is on the wire.
#[derive(Clone, Copy)]
enum Kind {
    Bytes,
    Slices,
    Int,
    Struct,
}

const PROOF: [(&str, Kind); 6] = [
    ("Path", Kind::Bytes),
    ("FlippedBits", Kind::Slices),
    ("Depth", Kind::Bytes),
    ("ClosestPath", Kind::Bytes),
    ("ClosestValueHash", Kind::Bytes),
    ("ClosestProof", Kind::Struct),
];

const SIDES: [(&str, Kind); 5] = [
    ("SideNodes", Kind::Slices),
    ("NonMembershipLeafData", Kind::Bytes),
    ("BitMask", Kind::Bytes),
    ("NumSideNodes", Kind::Int),
    ("SiblingData", Kind::Bytes),
];

/// Reads what the chain would read, no more: fields are matched by name, unknown ones are skipped, and nothing behind the
/// proof is looked at. Memory is bounded by a small multiple of the input.
pub fn decode(bytes: &[u8]) -> Result<CompactProof, GobError> {
    let mut stream = Reader(bytes);
    let mut types = Types::default();
    loop {
        let mut message = stream.message()?;
        let id = message.int()?;
        if id >= 0 {
            types.check(id)?;
            return read_proof(&types, id, &mut message);
        }
        types.define(id.checked_neg().ok_or(GobError::Malformed("a type id out of bounds"))?, &mut message)?;
        if !message.is_empty() {
            return Err(GobError::Malformed("bytes after a type definition"));
        }
    }
}

fn read_proof<'a>(types: &Types<'a>, id: i64, reader: &mut Reader<'a>) -> Result<CompactProof, GobError> {
    let Some(Type::Struct(fields)) = types.get(id) else { return Err(GobError::Type("no struct")) };
    let known = check_kinds(types, fields, &PROOF)?;
    if known == 0 && !fields.is_empty() {
        return Err(GobError::Type("no field of a proof"));
    }
    let mut proof = CompactProof::default();
    each_field(fields, reader, |name, id, reader| {
        match name {
            b"Path" => proof.path = reader.bytes()?.to_vec(),
            b"FlippedBits" => proof.flipped_bits = reader.slices()?,
            b"Depth" => proof.depth = reader.bytes()?.to_vec(),
            b"ClosestPath" => proof.closest_path = reader.bytes()?.to_vec(),
            b"ClosestValueHash" => proof.closest_value_hash = reader.bytes()?.to_vec(),
            b"ClosestProof" => proof.closest_proof = Some(read_sides(types, id, reader)?),
            _ => types.skip(id, reader)?,
        }
        Ok(())
    })?;
    Ok(proof)
}

fn read_sides<'a>(types: &Types<'a>, id: i64, reader: &mut Reader<'a>) -> Result<CompactSides, GobError> {
    let Some(Type::Struct(fields)) = types.get(id) else { return Err(GobError::Type("ClosestProof is no struct")) };
    let mut sides = CompactSides::default();
    each_field(fields, reader, |name, id, reader| {
        match name {
            b"SideNodes" => sides.side_nodes = reader.slices()?,
            b"NonMembershipLeafData" => sides.non_membership_leaf_data = reader.bytes()?.to_vec(),
            b"BitMask" => sides.bit_mask = reader.bytes()?.to_vec(),
            b"NumSideNodes" => sides.num_side_nodes = reader.int()?,
            b"SiblingData" => sides.sibling_data = reader.bytes()?.to_vec(),
            _ => types.skip(id, reader)?,
        }
        Ok(())
    })?;
    Ok(sides)
}

/// Checks that the fields we know have the kind we know, sent or not, and counts them.
fn check_kinds(types: &Types<'_>, fields: &Fields<'_>, ours: &[(&'static str, Kind)]) -> Result<usize, GobError> {
    let mut known = 0;
    for (name, id) in fields {
        let Some((name, kind)) = ours.iter().find(|(ours, _)| ours.as_bytes() == *name) else { continue };
        let fits = match (kind, types.get(*id)) {
            (Kind::Bytes, None) => *id == BYTES,
            (Kind::Int, None) => *id == INT,
            (Kind::Slices, Some(Type::Slice(element))) => *element == BYTES,
            (Kind::Struct, Some(Type::Struct(fields))) => check_kinds(types, fields, &SIDES).map(|_| true)?,
            _ => false,
        };
        if !fits {
            return Err(GobError::Type(name));
        }
        known += 1;
    }
    Ok(known)
}
