use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::units::Height;

/// Where an entry stands in its log: Redis' time when it was appended, and a number within that millisecond. The order of
/// ids is the order of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryId {
    /// Milliseconds since the Unix epoch, by Redis' clock.
    pub ms: u64,
    /// Position among the entries of that millisecond.
    pub seq: u64,
}

/// The text is not two numbers joined by a dash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the id of a log entry, which looks like 1526919030474-55")]
pub struct EntryIdError(String);

impl EntryId {
    /// The cursor from which everything younger than `period` before this entry is read again.
    #[must_use]
    pub fn rewound(self, period: Duration) -> Self {
        let back = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        Self { ms: self.ms.saturating_sub(back), seq: 0 }
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for EntryId {
    type Err = EntryIdError;

    fn from_str(text: &str) -> Result<Self, EntryIdError> {
        let refuse = || EntryIdError(text.to_owned());
        let (ms, seq) = text.split_once('-').ok_or_else(refuse)?;
        Ok(Self { ms: ms.parse().map_err(|_| refuse())?, seq: seq.parse().map_err(|_| refuse())? })
    }
}

impl TryFrom<String> for EntryId {
    type Error = EntryIdError;

    fn try_from(text: String) -> Result<Self, EntryIdError> {
        text.parse()
    }
}

impl From<EntryId> for String {
    fn from(id: EntryId) -> Self {
        id.to_string()
    }
}

/// One relay of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Its place.
    pub id: EntryId,
    /// The mined relay's bytes. Empty when the entry was not written by an append of ours.
    pub relay: Bytes,
    /// The height at which its request arrived.
    pub arrival: Height,
    /// When it was first appended, in milliseconds since the Unix epoch by Redis' clock: earlier than its id when it was
    /// appended again.
    pub first_appended_ms: u64,
}

impl LogEntry {
    /// Reads names and values as they stand in the stream. What is missing stays empty: one bad entry must not hide the rest.
    pub(super) fn from_fields(id: EntryId, fields: Vec<Bytes>) -> Self {
        let mut entry = Self { id, relay: Bytes::new(), arrival: Height(0), first_appended_ms: id.ms };
        let mut fields = fields.into_iter();
        while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
            match name.as_ref() {
                b"r" => entry.relay = value,
                b"h" => entry.arrival = Height(number(&value).unwrap_or_default()),
                b"t" => entry.first_appended_ms = number(&value).unwrap_or(id.ms),
                _ => {}
            }
        }
        entry
    }
}

fn number<T: FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_order_as_numbers_not_as_text() {
        let parse = |text: &str| text.parse::<EntryId>().unwrap();
        assert!(parse("9-10") < parse("10-2"));
        assert!(parse("10-2") < parse("10-10"));
        assert_eq!(parse("1526919030474-55").to_string(), "1526919030474-55");
        assert_eq!(serde_json::to_string(&parse("1-2")).unwrap(), "\"1-2\"");
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "5", "5-", "-5", "a-1", "1-2-3", "1526919030474-*"] {
            assert!(text.parse::<EntryId>().is_err(), "{text}");
        }
    }

    #[test]
    fn rewinding_stops_at_the_beginning() {
        let id = EntryId { ms: 5_000, seq: 9 };
        assert_eq!(id.rewound(Duration::from_secs(2)), EntryId { ms: 3_000, seq: 0 });
        assert_eq!(id.rewound(Duration::from_secs(20)), EntryId { ms: 0, seq: 0 });
    }

    #[test]
    fn a_foreign_entry_is_an_empty_one() {
        let id = EntryId { ms: 5, seq: 0 };
        let entry = LogEntry::from_fields(id, vec![Bytes::from("data"), Bytes::from("x"), Bytes::from("h")]);
        assert_eq!(entry, LogEntry { id, relay: Bytes::new(), arrival: Height(0), first_appended_ms: 5 });
    }
}
