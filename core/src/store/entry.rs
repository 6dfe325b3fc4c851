use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use redis::{FromRedisValue, ParsingError, Value};
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

/// The answer to `XRANGE`. Bytes are moved out of it, not copied.
#[derive(Debug)]
pub(super) struct Entries(pub(super) Vec<LogEntry>);

impl FromRedisValue for Entries {
    fn from_redis_value(answer: Value) -> Result<Self, ParsingError> {
        list(answer)?.into_iter().map(LogEntry::from_value).collect::<Result<_, _>>().map(Self)
    }
}

impl LogEntry {
    fn from_value(entry: Value) -> Result<Self, ParsingError> {
        let mut parts = list(entry)?.into_iter();
        let (Some(Value::BulkString(id)), Some(fields)) = (parts.next(), parts.next()) else {
            return Err(ParsingError::from("a log entry without id or fields"));
        };
        let id =
            std::str::from_utf8(&id)?.parse().map_err(|error: EntryIdError| ParsingError::from(error.to_string()))?;
        let mut fields = list(fields)?.into_iter();
        let pairs = std::iter::from_fn(|| match (fields.next(), fields.next()) {
            (Some(Value::BulkString(name)), Some(Value::BulkString(value))) => Some((name, value)),
            _ => None,
        });
        Ok(Self::from_fields(id, pairs))
    }

    /// Reads names and values as they stand in the stream. What is missing stays empty: one bad entry must not hide the rest.
    fn from_fields(id: EntryId, fields: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> Self {
        let mut entry = Self { id, relay: Bytes::new(), arrival: Height(0), first_appended_ms: id.ms };
        for (name, value) in fields {
            match name.as_slice() {
                b"r" => entry.relay = Bytes::from(value),
                b"h" => entry.arrival = Height(number(&value).unwrap_or_default()),
                b"t" => entry.first_appended_ms = number(&value).unwrap_or(id.ms),
                _ => {}
            }
        }
        entry
    }
}

fn list(value: Value) -> Result<Vec<Value>, ParsingError> {
    match value {
        Value::Array(items) => Ok(items),
        Value::Nil => Ok(Vec::new()),
        _ => Err(ParsingError::from("not a list of log entries")),
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
        let text = |text: &str| Value::BulkString(text.into());
        let entry = |fields: Vec<Value>| Value::Array(vec![text("5-0"), Value::Array(fields)]);
        let empty =
            LogEntry { id: EntryId { ms: 5, seq: 0 }, relay: Bytes::new(), arrival: Height(0), first_appended_ms: 5 };
        let answer = Value::Array(vec![entry(vec![text("data"), text("x"), text("h")]), entry(Vec::new())]);
        assert_eq!(Entries::from_redis_value(answer).unwrap().0, [empty.clone(), empty]);
        assert!(Entries::from_redis_value(Value::Array(vec![Value::Array(vec![text("5")])])).is_err());
        assert!(Entries::from_redis_value(Value::Int(1)).is_err());
    }
}
