//! Frames of RFC 6455, as bytes. Text is opaque here: gateways put protobuf into text frames, so nobody may look for UTF-8.

use bytes::{BufMut, BytesMut};

/// Bytes of the largest head.
pub(crate) const MOST_HEAD: usize = 14;
/// Bytes that a control frame may carry.
pub(crate) const MOST_CONTROL: usize = 125;
/// In the second byte: a mask follows. The rest of the byte is the length, or says how many bytes of it follow.
const MASKED: u8 = 0x80;
const MIDDLE: u8 = 0x7e;
const LONG: u8 = 0x7f;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Continuation,
    Data(Opcode),
    Close,
    Ping,
    Pong,
}

/// What kind of data a message is. It goes on as the kind that it came as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text,
    Binary,
}

/// Everything of a frame but what it carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Whether a message ends with it.
    pub(crate) last: bool,
    pub(crate) kind: Kind,
    pub(crate) mask: Option<[u8; 4]>,
    /// Bytes that follow.
    pub(crate) length: u64,
}

/// What the protocol forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// No extension was agreed on that could give them a meaning.
    #[error("reserved bits are set")]
    ReservedBits,
    #[error("unknown opcode")]
    Opcode,
    #[error("a control frame in parts, or with more than 125 bytes")]
    Control,
    #[error("a length with its highest bit set")]
    Length,
    /// Clients mask, servers do not.
    #[error("masked by a server, or not masked by a client")]
    Mask,
    #[error("a part without a beginning, or a new message inside of another")]
    Fragment,
    #[error("a close frame of one byte")]
    Close,
}

impl Head {
    /// Reads the head at the beginning of `bytes` and gives its size, too. `None` while some of it is missing.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let [first, second, rest @ ..] = bytes else { return Ok(None) };
        if first & 0x70 != 0 {
            return Err(Violation::ReservedBits);
        }
        let (last, kind) = (first & 0x80 != 0, Kind::of(first & 0x0f).ok_or(Violation::Opcode)?);
        let short = second & !MASKED;
        if kind.is_control() && (!last || usize::from(short) > MOST_CONTROL) {
            return Err(Violation::Control);
        }
        let (length, rest, size) = match short {
            MIDDLE => match rest.split_first_chunk::<2>() {
                Some((length, rest)) => (u64::from(u16::from_be_bytes(*length)), rest, 4),
                None => return Ok(None),
            },
            LONG => match rest.split_first_chunk::<8>() {
                Some((length, rest)) => (u64::from_be_bytes(*length), rest, 10),
                None => return Ok(None),
            },
            short => (u64::from(short), rest, 2),
        };
        if length >> 63 != 0 {
            return Err(Violation::Length);
        }
        if second & MASKED == 0 {
            return Ok(Some((Self { last, kind, mask: None, length }, size)));
        }
        let mask = rest.first_chunk::<4>().copied();
        Ok(mask.map(|mask| (Self { last, kind, mask: Some(mask), length }, size + 4)))
    }

    /// Appends the head in its shortest form.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        out.put_u8(u8::from(self.last) << 7 | self.kind.number());
        let masked = if self.mask.is_some() { MASKED } else { 0 };
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(short), _) if short < MIDDLE => out.put_u8(masked | short),
            (_, Ok(middle)) => {
                out.put_u8(masked | MIDDLE);
                out.put_u16(middle);
            }
            _ => {
                out.put_u8(masked | LONG);
                out.put_u64(self.length);
            }
        }
        if let Some(mask) = self.mask {
            out.put_slice(&mask);
        }
    }
}

impl Kind {
    fn of(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Continuation),
            1 => Some(Self::Data(Opcode::Text)),
            2 => Some(Self::Data(Opcode::Binary)),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }

    fn number(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Data(Opcode::Text) => 1,
            Self::Data(Opcode::Binary) => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// Masks what is plain and the other way round. `bytes` begin `offset` bytes into what the frame carries.
pub(crate) fn apply_mask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut turned = mask;
    turned.rotate_left(offset % 4);
    let (chunks, rest) = bytes.as_chunks_mut::<4>();
    let word = u32::from_ne_bytes(turned);
    for chunk in chunks {
        *chunk = (u32::from_ne_bytes(*chunk) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(turned) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds() -> impl Strategy<Value = Kind> {
        prop_oneof![
            Just(Kind::Continuation),
            Just(Kind::Data(Opcode::Text)),
            Just(Kind::Data(Opcode::Binary)),
            Just(Kind::Close),
            Just(Kind::Ping),
            Just(Kind::Pong),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_nothing_less(
            last: bool, kind in kinds(), mask: Option<[u8; 4]>, length in prop_oneof![0..126_u64, 126..70_000_u64, 0..=u64::MAX >> 1]
        ) {
            let (last, length) = if kind.is_control() { (true, length % 126) } else { (last, length) };
            let head = Head { last, kind, mask, length };
            let mut bytes = BytesMut::new();
            head.write(&mut bytes);
            prop_assert!(bytes.len() <= MOST_HEAD);
            for missing in 1..=bytes.len() {
                prop_assert_eq!(Head::parse(&bytes[..bytes.len() - missing]), Ok(None));
            }
            let size = bytes.len();
            bytes.extend_from_slice(b"more");
            prop_assert_eq!(Head::parse(&bytes), Ok(Some((head, size))));
        }

        #[test]
        fn noise_is_never_more_than_refused(bytes: Vec<u8>) {
            if let Ok(Some((_, size))) = Head::parse(&bytes) {
                prop_assert!(size <= bytes.len());
            }
        }

        #[test]
        fn a_mask_can_be_applied_in_parts(plain: Vec<u8>, mask: [u8; 4], cut: usize) {
            let mut whole = plain.clone();
            apply_mask(&mut whole, mask, 0);
            let expected: Vec<u8> = plain.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            prop_assert_eq!(&whole, &expected);
            let cut = cut % (plain.len() + 1);
            let (first, second) = whole.split_at_mut(cut);
            apply_mask(first, mask, 0);
            apply_mask(second, mask, cut);
            prop_assert_eq!(whole, plain);
        }
    }

    #[test]
    fn what_the_protocol_forbids_is_refused() {
        let cases: [(&[u8], Violation); 6] = [
            (&[0xc1, 0], Violation::ReservedBits),
            (&[0x83, 0], Violation::Opcode),
            (&[0x8b, 0], Violation::Opcode),
            (&[0x09, 0], Violation::Control),
            (&[0x89, 126], Violation::Control),
            (&[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], Violation::Length),
        ];
        for (bytes, violation) in cases {
            assert_eq!(Head::parse(bytes), Err(violation), "{bytes:x?}");
        }
    }
}
