//! The few fields of a mined relay that decide whether it is claimed, read where they lie.
//!
//! Built from prost's own primitives, so that it takes exactly what `Relay::decode` takes and sees the same values: later
//! fields overwrite, a message that comes twice is merged, unknown fields are passed over.

use prost::Message;
use prost::encoding::{DecodeContext, WireType, check_wire_type, decode_key, decode_varint, skip_field};

use super::DecodeError;
use crate::proto::pocket::service::Relay;
use crate::proto::pocket::session::SessionHeader as WireHeader;

/// What a mined relay says about whose it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayFields<'a> {
    /// `meta` of the request, if both are there.
    pub request: Option<RequestFields<'a>>,
    /// The response, if it is there.
    pub response: Option<ResponseFields<'a>>,
}

/// The metadata of the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestFields<'a> {
    /// The session.
    pub header: Option<HeaderFields<'a>>,
    /// The operator address of the supplier that the request is meant for.
    pub supplier: &'a str,
}

/// The response.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResponseFields<'a> {
    /// Its metadata is there.
    pub has_meta: bool,
    /// The session.
    pub header: Option<HeaderFields<'a>>,
    /// The hash of the payload as it stands there. One that is there but empty changes what the chain hashes.
    pub payload_hash: Option<&'a [u8]>,
}

/// A session header as it is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HeaderFields<'a> {
    /// Application.
    pub application: &'a str,
    /// Service.
    pub service: &'a str,
    /// Session id.
    pub session: &'a str,
    /// First block.
    pub start: i64,
    /// Last block.
    pub end: i64,
}

impl HeaderFields<'_> {
    /// Whether this is that header, field by field.
    #[must_use]
    pub fn is(&self, other: &WireHeader) -> bool {
        self.application == other.application_address
            && self.service == other.service_id
            && self.session == other.session_id
            && self.start == other.session_start_block_height
            && self.end == other.session_end_block_height
    }
}

impl<'a> RelayFields<'a> {
    /// Reads the bytes of a mined relay without copying any.
    ///
    /// # Errors
    /// Broken protobuf, or a text that is not UTF-8: what `Relay::decode` refuses, and nothing else.
    pub fn read(relay: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader { met_a_group: false };
        let fields = reader.relay(relay)?;
        if reader.met_a_group {
            // Groups are outdated and nest. How deep they may is prost's to say.
            Relay::decode(relay).map_err(malformed)?;
        }
        Ok(fields)
    }
}

struct Reader {
    met_a_group: bool,
}

impl Reader {
    fn relay<'a>(&mut self, bytes: &'a [u8]) -> Result<RelayFields<'a>, DecodeError> {
        let mut relay = RelayFields::default();
        let mut rest = bytes;
        while let Some((tag, kind)) = key(&mut rest)? {
            match tag {
                1 => self.request(chunk(kind, &mut rest)?, &mut relay.request)?,
                2 => self.response(chunk(kind, &mut rest)?, relay.response.get_or_insert_default())?,
                _ => self.skip(tag, kind, &mut rest)?,
            }
        }
        Ok(relay)
    }

    fn request<'a>(&mut self, mut rest: &'a [u8], into: &mut Option<RequestFields<'a>>) -> Result<(), DecodeError> {
        while let Some((tag, kind)) = key(&mut rest)? {
            match tag {
                1 => self.request_meta(chunk(kind, &mut rest)?, into.get_or_insert_default())?,
                2 => drop(chunk(kind, &mut rest)?),
                _ => self.skip(tag, kind, &mut rest)?,
            }
        }
        Ok(())
    }

    fn request_meta<'a>(&mut self, mut rest: &'a [u8], into: &mut RequestFields<'a>) -> Result<(), DecodeError> {
        while let Some((tag, kind)) = key(&mut rest)? {
            match tag {
                1 => self.header(chunk(kind, &mut rest)?, into.header.get_or_insert_default())?,
                2 => drop(chunk(kind, &mut rest)?),
                3 => into.supplier = text(kind, &mut rest)?,
                _ => self.skip(tag, kind, &mut rest)?,
            }
        }
        Ok(())
    }

    fn response<'a>(&mut self, mut rest: &'a [u8], into: &mut ResponseFields<'a>) -> Result<(), DecodeError> {
        while let Some((tag, kind)) = key(&mut rest)? {
            match tag {
                1 => {
                    into.has_meta = true;
                    self.response_meta(chunk(kind, &mut rest)?, into)?;
                }
                2 => drop(chunk(kind, &mut rest)?),
                3 => self.error(chunk(kind, &mut rest)?)?,
                4 => into.payload_hash = Some(chunk(kind, &mut rest)?),
                _ => self.skip(tag, kind, &mut rest)?,
            }
        }
        Ok(())
    }

    fn response_meta<'a>(&mut self, mut rest: &'a [u8], into: &mut ResponseFields<'a>) -> Result<(), DecodeError> {
        while let Some((tag, kind)) = key(&mut rest)? {
            match tag {
                1 => self.header(chunk(kind, &mut rest)?, into.header.get_or_insert_default())?,
                2 => drop(chunk(kind, &mut rest)?),
                _ => self.skip(tag, kind, &mut rest)?,
            }
        }
        Ok(())
    }

    /// Nothing of a miner's error is used, but a broken one makes the whole relay unreadable.
    fn error(&mut self, mut rest: &[u8]) -> Result<(), DecodeError> {
        while let Some((tag, kind)) = key(&mut rest)? {
            match tag {
                1 | 3 | 4 => drop(text(kind, &mut rest)?),
                2 => drop(number(kind, &mut rest)?),
                _ => self.skip(tag, kind, &mut rest)?,
            }
        }
        Ok(())
    }

    fn header<'a>(&mut self, mut rest: &'a [u8], into: &mut HeaderFields<'a>) -> Result<(), DecodeError> {
        while let Some((tag, kind)) = key(&mut rest)? {
            match tag {
                1 => into.application = text(kind, &mut rest)?,
                2 => into.service = text(kind, &mut rest)?,
                3 => into.session = text(kind, &mut rest)?,
                4 => into.start = number(kind, &mut rest)?,
                5 => into.end = number(kind, &mut rest)?,
                _ => self.skip(tag, kind, &mut rest)?,
            }
        }
        Ok(())
    }

    fn skip(&mut self, tag: u32, kind: WireType, rest: &mut &[u8]) -> Result<(), DecodeError> {
        self.met_a_group |= kind == WireType::StartGroup;
        skip_field(kind, tag, rest, DecodeContext::default()).map_err(malformed)
    }
}

/// The next field's number and wire type, or the end of the message.
fn key(rest: &mut &[u8]) -> Result<Option<(u32, WireType)>, DecodeError> {
    if rest.is_empty() { Ok(None) } else { decode_key(rest).map(Some).map_err(malformed) }
}

fn chunk<'a>(kind: WireType, rest: &mut &'a [u8]) -> Result<&'a [u8], DecodeError> {
    check_wire_type(WireType::LengthDelimited, kind).map_err(malformed)?;
    let length = decode_varint(rest).map_err(malformed)?;
    let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
    let (chunk, after) = split.ok_or_else(|| malformed("a field is longer than what holds it"))?;
    *rest = after;
    Ok(chunk)
}

fn text<'a>(kind: WireType, rest: &mut &'a [u8]) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(chunk(kind, rest)?).map_err(malformed)
}

/// As prost reads an `int64`: the two's complement of the varint.
fn number(kind: WireType, rest: &mut &[u8]) -> Result<i64, DecodeError> {
    check_wire_type(WireType::Varint, kind).map_err(malformed)?;
    decode_varint(rest).map(u64::cast_signed).map_err(malformed)
}

fn malformed(reason: impl std::fmt::Display) -> DecodeError {
    DecodeError::Malformed { message: "Relay", reason: reason.to_string() }
}

#[cfg(test)]
mod tests;
