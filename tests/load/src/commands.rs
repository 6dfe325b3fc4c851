//! How often Redis was asked, and for what.

use std::collections::BTreeMap;
use std::io::{Read, Write as _};
use std::net::TcpStream;

use crate::Error;

/// Command → calls since Redis started. Commands inside of scripts count, too.
pub(crate) type Commands = BTreeMap<String, u64>;

/// Asks Redis.
pub(crate) fn read(port: u16) -> Result<Commands, Error> {
    let ask = Error::io("ask Redis for its commands");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(&ask)?;
    stream.write_all(b"INFO commandstats\r\nQUIT\r\n").map_err(&ask)?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(&ask)?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(":calls="));
    let counts = lines.filter_map(|(name, rest)| Some((name.to_owned(), rest.split(',').next()?.parse().ok()?)));
    Ok(counts.collect())
}

/// What was asked since.
pub(crate) fn since(before: &Commands, after: &Commands) -> Commands {
    let grown = after.iter().map(|(name, count)| (name.clone(), count - before.get(name).unwrap_or(&0)));
    grown.filter(|(name, count)| *count > 0 && name != "info" && name != "quit").collect()
}
