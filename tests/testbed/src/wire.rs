//! Just enough protobuf to read and write the handful of chain messages that the harness touches itself.
//!
//! The harness depends on none of the crates it tests, their generated messages included.

/// A field's value on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

/// Appends a length-delimited field: bytes, text or an embedded message.
pub(crate) fn put_bytes(into: &mut Vec<u8>, number: u64, value: &[u8]) {
    put_varint(into, number << 3 | 2);
    put_varint(into, value.len() as u64);
    into.extend_from_slice(value);
}

/// Appends an integer field.
pub(crate) fn put_integer(into: &mut Vec<u8>, number: u64, value: u64) {
    put_varint(into, number << 3);
    put_varint(into, value);
}

fn put_varint(into: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            into.push(low & 0x7f);
            return;
        }
        into.push(low | 0x80);
    }
}

/// The first field of this number, or nothing when it is absent or the message is malformed before it.
pub(crate) fn get(mut message: &[u8], number: u64) -> Option<Field<'_>> {
    while !message.is_empty() {
        let tag = take_varint(&mut message)?;
        let field = match tag & 7 {
            0 => Field::Varint(take_varint(&mut message)?),
            1 => Field::Bytes(take(&mut message, 8)?),
            2 => {
                let length = usize::try_from(take_varint(&mut message)?).ok()?;
                Field::Bytes(take(&mut message, length)?)
            }
            5 => Field::Bytes(take(&mut message, 4)?),
            _ => return None,
        };
        if tag >> 3 == number {
            return Some(field);
        }
    }
    None
}

/// [`get`] for a length-delimited field.
pub(crate) fn get_bytes(message: &[u8], number: u64) -> Option<&[u8]> {
    match get(message, number)? {
        Field::Bytes(value) => Some(value),
        Field::Varint(_) => None,
    }
}

/// [`get`] for an integer field.
pub(crate) fn get_integer(message: &[u8], number: u64) -> Option<u64> {
    match get(message, number)? {
        Field::Varint(value) => Some(value),
        Field::Bytes(_) => None,
    }
}

fn take<'a>(from: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (value, rest) = from.split_at_checked(length)?;
    *from = rest;
    Some(value)
}

fn take_varint(from: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take(from, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_got() {
        let mut message = Vec::new();
        put_integer(&mut message, 1, 300);
        put_bytes(&mut message, 2, b"upokt");
        put_integer(&mut message, 20, u64::MAX);
        assert_eq!(message[..3], [0x08, 0xac, 0x02]);
        assert_eq!(get_integer(&message, 1), Some(300));
        assert_eq!(get_bytes(&message, 2), Some(b"upokt".as_slice()));
        assert_eq!(get_integer(&message, 20), Some(u64::MAX));
        assert_eq!(get(&message, 3), None);
    }

    #[test]
    fn a_truncated_message_has_no_field() {
        let mut message = Vec::new();
        put_bytes(&mut message, 2, b"upokt");
        message.pop();
        assert_eq!(get(&message, 2), None);
    }
}
