//! How many entries one read asks for.

use relay_core::store::LogEntry;

/// The most entries of one read. Few enough that their work is short, enough that commands do not count.
const MOST_ENTRIES: usize = 256;
/// What a read aims at, in bytes.
const AIM: usize = 2 << 20;
/// The first read of a log, whose relays can have any size.
const FIRST_ENTRIES: usize = 16;
const FIRST_MEAN: usize = 64 << 10;
/// How much faster than the last read the next may be. Sizes change within a log.
const GROWTH: usize = 4;

/// Follows the size of a log's entries, so that reads are bounded in bytes though Redis bounds them in entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PieceSize {
    count: usize,
    mean: usize,
}

impl Default for PieceSize {
    fn default() -> Self {
        Self { count: FIRST_ENTRIES, mean: FIRST_MEAN }
    }
}

impl PieceSize {
    /// Entries to ask for.
    pub(super) fn count(self) -> usize {
        self.count
    }

    /// Bytes that are expected of a log with so many unread entries.
    pub(super) fn expected(self, unread: u64) -> u64 {
        let entries = usize::try_from(unread).map_or(self.count, |unread| unread.clamp(1, self.count));
        (entries * self.mean) as u64
    }

    /// Learns from a piece that was read.
    pub(super) fn learn(&mut self, entries: &[LogEntry]) {
        if entries.is_empty() {
            return;
        }
        self.mean = (bytes(entries) / entries.len()).max(1);
        self.count = (AIM / self.mean).min(self.count * GROWTH).clamp(1, MOST_ENTRIES);
    }
}

/// Bytes of relays.
pub(super) fn bytes(entries: &[LogEntry]) -> usize {
    entries.iter().map(|entry| entry.relay.len()).sum()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use relay_core::store::EntryId;
    use relay_core::units::Height;

    use super::*;

    fn piece(sizes: &[usize]) -> Vec<LogEntry> {
        let entry = |size: &usize| LogEntry {
            id: EntryId { ms: 1, seq: 0 },
            relay: Bytes::from(vec![0; *size]),
            arrival: Height(1),
            first_appended_ms: 1,
        };
        sizes.iter().map(entry).collect()
    }

    #[test]
    fn small_relays_are_read_in_large_numbers_and_large_ones_in_small() {
        let mut size = PieceSize::default();
        for _ in 0..3 {
            size.learn(&piece(&[1024; 16]));
        }
        assert_eq!((size.count(), size.expected(u64::MAX)), (256, 256 << 10));
        assert_eq!(size.expected(3), 3 << 10, "a log that has grown by three gives three");
        size.learn(&piece(&[512 << 10; 2]));
        assert_eq!((size.count(), size.expected(u64::MAX)), (4, 2 << 20));
        size.learn(&piece(&[9 << 20]));
        assert_eq!(size.count(), 1);
        size.learn(&piece(&[10]));
        assert_eq!(size.count(), 4, "one small relay is no reason to ask for hundreds");
    }

    proptest! {
        // rule: H-31, W-14
        #[test]
        fn a_read_of_what_was_seen_stays_near_its_aim(sizes in prop::collection::vec(0..2_000_000_usize, 1..20)) {
            let mut size = PieceSize::default();
            for bytes in sizes {
                size.learn(&piece(&[bytes]));
                prop_assert!((1..=MOST_ENTRIES).contains(&size.count()));
                prop_assert!(size.expected(u64::MAX) <= (AIM.max(bytes)) as u64);
            }
        }
    }
}
