//! How the bytes of a stream are cut into signed batches: at line ends, and early enough that nobody waits for a lone line.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

/// A batch leaves when it is this old, has this many bytes, or this many lines; whichever comes first.
const MOST_AGE: Duration = Duration::from_millis(100);
const MOST_BYTES: usize = 100 << 10;
const MOST_LINES: usize = 100;
/// A line that is longer leaves in pieces.
const LONGEST_LINE: usize = 256 << 10;

/// The bytes of a stream that have not left yet. Line ends stay as they are. Memory is bounded by a batch, the longest line
/// and one read.
#[derive(Debug, Default)]
pub(super) struct Batch {
    held: BytesMut,
    /// Bytes of whole lines at the front of what is held.
    whole: usize,
    lines: usize,
    /// Bytes that were searched for line ends.
    searched: usize,
    /// When the first whole line of this batch came.
    since: Option<Instant>,
}

impl Batch {
    /// Adds bytes as they come. Take what is [full](Self::full) after it.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// A batch that must leave because of its size, if there is one. Call until there is none.
    pub(super) fn full(&mut self, now: Instant) -> Option<Bytes> {
        while let Some(at) = self.held[self.searched..].iter().position(|byte| *byte == b'\n') {
            self.searched += at + 1;
            self.whole = self.searched;
            self.lines += 1;
            self.since.get_or_insert(now);
            if self.lines >= MOST_LINES || self.whole >= MOST_BYTES {
                return Some(self.take(self.whole));
            }
        }
        self.searched = self.held.len();
        (self.held.len() - self.whole > LONGEST_LINE).then(|| self.take(self.held.len()))
    }

    /// When the whole lines in it must leave, however few they are.
    pub(super) fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + MOST_AGE)
    }

    /// The whole lines; the beginning of another one stays. For a batch that is [due](Self::due).
    pub(super) fn lines(&mut self) -> Bytes {
        self.take(self.whole)
    }

    /// Everything: nothing more comes.
    pub(super) fn rest(mut self) -> Bytes {
        self.take(self.held.len())
    }

    fn take(&mut self, bytes: usize) -> Bytes {
        let taken = self.held.split_to(bytes).freeze();
        (self.whole, self.lines, self.since) = (0, 0, None);
        self.searched = self.searched.saturating_sub(bytes);
        taken
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(reads: &[Vec<u8>]) -> Vec<Bytes> {
        let (mut batch, mut batches) = (Batch::default(), Vec::new());
        for read in reads {
            batch.add(read);
            while let Some(full) = batch.full(Instant::now()) {
                batches.push(full);
            }
        }
        batches.push(batch.rest());
        batches
    }

    #[test]
    fn a_hundred_lines_or_kibibytes_make_a_batch() {
        let lines = b"data: x\n".repeat(250);
        assert_eq!(cut(&[lines]).iter().map(Bytes::len).collect::<Vec<_>>(), [800, 800, 400]);
        let mut line = vec![b'x'; 60 << 10];
        line.push(b'\n');
        let two = 2 * line.len();
        assert_eq!(cut(&[line.repeat(3)]).iter().map(Bytes::len).collect::<Vec<_>>(), [two, two / 2]);
    }

    #[test]
    fn a_line_without_an_end_leaves_in_pieces() {
        let reads = vec![vec![b'x'; 8 << 10]; 100];
        let batches = cut(&reads);
        assert!(batches.len() > 2 && batches.iter().all(|batch| batch.len() <= LONGEST_LINE + (8 << 10)));
    }

    // rule: D-26
    #[test]
    fn a_lone_line_is_due_by_itself_and_the_begun_one_after_it_stays() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.add(b"begun");
        assert!(batch.full(now).is_none() && batch.due().is_none(), "half a line is no batch");
        batch.add(b" and ended\r\nnext");
        assert!(batch.full(now).is_none());
        assert_eq!(batch.due(), Some(now + MOST_AGE));
        assert_eq!(batch.lines(), "begun and ended\r\n");
        assert_eq!((batch.due(), batch.rest()), (None, Bytes::from_static(b"next")));
    }

    proptest! {
        #[test]
        fn no_byte_is_changed_and_batches_end_with_lines(
            reads in prop::collection::vec(prop::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..400), 0..12),
        ) {
            let batches = cut(&reads);
            prop_assert_eq!(batches.concat(), reads.concat());
            for batch in &batches[..batches.len() - 1] {
                let lines = batch.split(|byte| *byte == b'\n').count() - 1;
                prop_assert!(batch.ends_with(b"\n") && lines <= MOST_LINES);
            }
        }
    }
}
