//! The type definitions in front of a value.

use std::collections::{BTreeMap, BTreeSet};

use super::GobError;
use super::reader::Reader;

/// Ids of the types that need no definition, as far as a proof or an unknown field beside it may have them.
pub(super) const INT: i64 = 2;
pub(super) const BYTES: i64 = 5;
const BOOL: i64 = 1;
const UINT: i64 = 3;
const FLOAT: i64 = 4;
const STRING: i64 = 6;
const COMPLEX: i64 = 7;
/// First id of defined types.
const FIRST_DEFINED: i64 = 64;
/// Deepest nesting of unknown fields that is followed.
const MAX_NESTING: usize = 16;

/// A defined type.
#[derive(Debug)]
pub(super) enum Type<'a> {
    /// A slice with elements of this type.
    Slice(i64),
    /// A struct: name and type of each field.
    Struct(Vec<(&'a [u8], i64)>),
}

/// All types defined so far.
#[derive(Debug, Default)]
pub(super) struct Types<'a>(BTreeMap<i64, Type<'a>>);

impl<'a> Types<'a> {
    pub(super) fn get(&self, id: i64) -> Option<&Type<'a>> {
        self.0.get(&id)
    }

    /// Reads the definition of type `id`.
    pub(super) fn define(&mut self, id: i64, reader: &mut Reader<'a>) -> Result<(), GobError> {
        if id < FIRST_DEFINED || self.0.contains_key(&id) {
            return Err(GobError::Malformed("a type that is defined twice"));
        }
        // The definition is itself a struct, with one field for each kind of type; exactly one is set.
        let kind = reader.field(None)?;
        let definition = match kind {
            Some(1) => Type::Slice(slice_element(reader)?),
            Some(2) => Type::Struct(struct_fields(reader)?),
            _ => return Err(GobError::Type("neither structs nor slices")),
        };
        if reader.field(kind)?.is_some() {
            return Err(GobError::Malformed("a type of two kinds"));
        }
        self.0.insert(id, definition);
        Ok(())
    }

    /// Checks that every type below `id` is known.
    pub(super) fn check(&self, id: i64) -> Result<(), GobError> {
        let mut seen = BTreeSet::new();
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            if !seen.insert(id) {
                continue;
            }
            match self.get(id) {
                Some(Type::Slice(element)) => pending.push(*element),
                Some(Type::Struct(fields)) => pending.extend(fields.iter().map(|(_, id)| *id)),
                None if (BOOL..=COMPLEX).contains(&id) => {}
                None => return Err(GobError::Malformed("a type that is not defined")),
            }
        }
        Ok(())
    }

    /// Reads past a value of type `id`.
    pub(super) fn skip(&self, id: i64, reader: &mut Reader<'a>) -> Result<(), GobError> {
        self.skip_nested(id, reader, 0)
    }

    fn skip_nested(&self, id: i64, reader: &mut Reader<'a>, level: usize) -> Result<(), GobError> {
        if level > MAX_NESTING {
            return Err(GobError::Malformed("a field nested too deeply"));
        }
        match (id, self.get(id)) {
            (_, Some(Type::Slice(element))) => {
                let count = reader.length()?;
                (0..count).try_for_each(|_| self.skip_nested(*element, reader, level + 1))
            }
            (_, Some(Type::Struct(fields))) => {
                each_field(fields, reader, |_, id, reader| self.skip_nested(id, reader, level + 1))
            }
            (BOOL | INT | UINT | FLOAT, None) => reader.uint().map(drop),
            (BYTES | STRING, None) => reader.bytes().map(drop),
            (COMPLEX, None) => reader.uint().and_then(|_| reader.uint()).map(drop),
            _ => Err(GobError::Malformed("a type that is not defined")),
        }
    }
}

/// Calls `read` with name and type of every field that was sent.
pub(super) fn each_field<'a>(
    fields: &[(&'a [u8], i64)],
    reader: &mut Reader<'a>,
    mut read: impl FnMut(&'a [u8], i64, &mut Reader<'a>) -> Result<(), GobError>,
) -> Result<(), GobError> {
    let mut previous = None;
    while let Some(index) = reader.field(previous)? {
        let (name, id) = fields.get(index).ok_or(GobError::Malformed("a field number out of bounds"))?;
        read(name, *id, reader)?;
        previous = Some(index);
    }
    Ok(())
}

/// `SliceT { CommonType, Elem }`.
fn slice_element(reader: &mut Reader<'_>) -> Result<i64, GobError> {
    let (mut element, mut previous) = (0, None);
    while let Some(index) = reader.field(previous)? {
        match index {
            0 => drop(name_and_id(reader)?),
            1 => element = reader.int()?,
            _ => return Err(GobError::Malformed("a field number out of bounds")),
        }
        previous = Some(index);
    }
    Ok(element)
}

/// `StructT { CommonType, Field: [{ Name, Id }] }`.
fn struct_fields<'a>(reader: &mut Reader<'a>) -> Result<Vec<(&'a [u8], i64)>, GobError> {
    let (mut fields, mut previous) = (Vec::new(), None);
    while let Some(index) = reader.field(previous)? {
        match index {
            0 => drop(name_and_id(reader)?),
            1 => fields = (0..reader.length()?).map(|_| name_and_id(reader)).collect::<Result<_, _>>()?,
            _ => return Err(GobError::Malformed("a field number out of bounds")),
        }
        previous = Some(index);
    }
    let mut names = BTreeSet::new();
    if fields.iter().all(|(name, _)| names.insert(*name)) {
        Ok(fields)
    } else {
        Err(GobError::Malformed("a field that is defined twice"))
    }
}

/// `{ Name, Id }`: the name and id of a type, or of a field and its type.
fn name_and_id<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], i64), GobError> {
    let (mut name, mut id, mut previous) = (&[] as &[u8], 0, None);
    while let Some(index) = reader.field(previous)? {
        match index {
            0 => name = reader.bytes()?,
            1 => id = reader.int()?,
            _ => return Err(GobError::Malformed("a field number out of bounds")),
        }
        previous = Some(index);
    }
    Ok((name, id))
}
