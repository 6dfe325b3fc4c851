//! Reading numbers and byte strings, never past the end.

use super::GobError;

/// What is left of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], GobError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(GobError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn uint(&mut self) -> Result<u64, GobError> {
        let first = match self.take(1)? {
            [byte] if *byte < 0x80 => return Ok(u64::from(*byte)),
            bytes => bytes[0],
        };
        let length = first.wrapping_neg();
        if length > 8 {
            return Err(GobError::Malformed("a number of more than 64 bits"));
        }
        Ok(self.take(length.into())?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    pub(super) fn int(&mut self) -> Result<i64, GobError> {
        let number = self.uint()?;
        let magnitude = (number >> 1).cast_signed();
        Ok(if number & 1 == 0 { magnitude } else { !magnitude })
    }

    /// A length or a number of elements: each takes at least a byte.
    pub(super) fn length(&mut self) -> Result<usize, GobError> {
        let length = self.uint()?;
        usize::try_from(length).ok().filter(|length| *length <= self.0.len()).ok_or(GobError::Truncated)
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], GobError> {
        let length = self.length()?;
        self.take(length)
    }

    /// The bytes of a message, as a reader of their own.
    pub(super) fn message(&mut self) -> Result<Reader<'a>, GobError> {
        self.bytes().map(Reader)
    }

    pub(super) fn slices(&mut self) -> Result<Vec<Vec<u8>>, GobError> {
        let count = self.length()?;
        if count > MAX_SLICES {
            return Err(GobError::Malformed("more elements than a proof can have"));
        }
        (0..count).map(|_| self.bytes().map(<[u8]>::to_vec)).collect()
    }

    /// The index of the struct's next field after `previous`, `None` at its end. A message may end without saying so.
    pub(super) fn field(&mut self, previous: Option<usize>) -> Result<Option<usize>, GobError> {
        if self.is_empty() {
            return Ok(None);
        }
        let distance = match self.uint()? {
            0 => return Ok(None),
            distance => usize::try_from(distance).map_err(|_| GobError::Malformed("a field number out of bounds"))?,
        };
        let next = previous.map_or(distance.checked_sub(1), |previous| previous.checked_add(distance));
        next.map(Some).ok_or(GobError::Malformed("a field number out of bounds"))
    }
}

/// An honest proof has at most 256 side nodes and flipped bits.
const MAX_SLICES: usize = 1024;
