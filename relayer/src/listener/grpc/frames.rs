use bytes::{Buf, Bytes, BytesMut};

/// A flag, and the length of what follows in four bytes.
const PREFIX: usize = 5;

/// A message of the node is longer than answers may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Cuts a body into whole gRPC messages, each with its prefix. Holds at most one message that is not whole yet.
#[derive(Debug)]
pub(super) struct Frames {
    most: usize,
    pending: BytesMut,
}

impl Frames {
    /// `most` bounds a message, prefix included.
    pub(super) fn new(most: usize) -> Self {
        Self { most, pending: BytesMut::new() }
    }

    pub(super) fn push(&mut self, data: &Bytes) {
        self.pending.extend_from_slice(data);
    }

    /// The next whole message.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, TooLarge> {
        let Some(mut length) = self.pending.get(1..PREFIX) else { return Ok(None) };
        let whole = PREFIX.saturating_add(usize::try_from(length.get_u32()).unwrap_or(usize::MAX));
        if whole > self.most {
            return Err(TooLarge);
        }
        if self.pending.len() < whole {
            return Ok(None);
        }
        Ok(Some(self.pending.split_to(whole).freeze()))
    }

    /// Whether nothing is left: a body may only end here.
    pub(super) fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(message: &[u8]) -> Vec<u8> {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], &length[..], message].concat()
    }

    #[test]
    fn a_message_beyond_the_limit_is_refused_by_its_prefix() {
        let mut frames = Frames::new(100);
        frames.push(&Bytes::from_static(&[0, 0, 0, 0, 95]));
        assert_eq!(frames.next(), Ok(None));
        let mut frames = Frames::new(100);
        frames.push(&Bytes::from_static(&[0, 0, 0, 0, 96]));
        assert_eq!(frames.next(), Err(TooLarge));
        let mut frames = Frames::new(100);
        frames.push(&Bytes::from_static(&[0, 0xff, 0xff, 0xff, 0xff]));
        assert_eq!(frames.next(), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8),
            pieces in 1_usize..20,
        ) {
            let expected: Vec<Vec<u8>> = messages.iter().map(|message| frame(message)).collect();
            let mut frames = Frames::new(100);
            let mut seen = Vec::new();
            for piece in expected.concat().chunks(pieces) {
                frames.push(&Bytes::copy_from_slice(piece));
                while let Some(message) = frames.next().unwrap() {
                    seen.push(message.to_vec());
                }
            }
            prop_assert_eq!(seen, expected);
            prop_assert!(frames.is_empty());
        }
    }
}
