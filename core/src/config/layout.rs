use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use super::{ConfigError, parse, parse_leniently};

/// What happens to keys that nothing reads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownKeys {
    /// They are errors: a typing mistake costs relays for as long as nobody notices it.
    #[default]
    Refused,
    /// They are passed over, with a warning.
    PassedOver,
}

/// How a file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// As our documentation describes it.
    Own,
    /// As the network's Go relay miner reads it.
    Reference,
}

impl Layout {
    /// A file is of the other layout when it has keys at the top that only that one has, and none that only ours has.
    #[must_use]
    pub fn of(text: &str, theirs: &[&str], ours: &[&str]) -> Self {
        let keys = top_keys(text);
        let has = |some: &[&str]| some.iter().any(|key| keys.contains(*key));
        if has(theirs) && !has(ours) { Self::Reference } else { Self::Own }
    }
}

/// Reads YAML text into `T`, and gives a sentence about each key that was passed over.
pub fn accept<T: DeserializeOwned>(
    text: &str,
    origin: &str,
    unknown: UnknownKeys,
) -> Result<(T, Vec<String>), ConfigError> {
    match unknown {
        UnknownKeys::Refused => Ok((parse(text, origin)?, Vec::new())),
        UnknownKeys::PassedOver => parse_leniently(text, origin),
    }
}

/// The keys at the top; of a text that is not quite YAML, what begins a line like one.
#[must_use]
pub fn top_keys(text: &str) -> BTreeSet<String> {
    match parse::<BTreeMap<String, serde_json::Value>>(text, "") {
        Ok(keys) => keys.into_keys().collect(),
        Err(_) => text.lines().filter_map(|line| line.split_once(':')).map(|(key, _)| key.to_owned()).collect(),
    }
}

/// The error with the file that it is about.
#[must_use]
pub fn in_file(error: ConfigError, origin: &str) -> ConfigError {
    match error {
        ConfigError::Invalid { place, message } => {
            ConfigError::Invalid { place: format!("{origin}: {place}"), message }
        }
        other => other,
    }
}
