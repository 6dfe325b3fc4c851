use std::fmt::Write as _;
use std::path::Path;

use serde::de::DeserializeOwned;

use super::lenient::{Lenient, Passed, Trail};
use super::nearest::{meant, nearest};

/// Files larger than this are not configuration.
const MAX_BYTES: u64 = 4 << 20;

/// Why a configuration cannot be used. The text names the file, the place and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is absent, unreadable or far too large.
    #[error("cannot read the configuration {path}: {reason}")]
    Read {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// A key that no part of the program reads.
    #[error("{place}: unknown key `{key}`, {hint}")]
    UnknownKey {
        /// File, line and column.
        place: String,
        /// The key as written.
        key: String,
        /// The nearest known key, or all of them.
        hint: String,
    },
    /// A value that is missing, of another kind, or out of bounds.
    #[error("{place}: {message}")]
    Invalid {
        /// File, with line and column where known.
        place: String,
        /// What is wrong.
        message: String,
    },
}

impl ConfigError {
    /// An error found after parsing, by a check over several values. `key` is the path of the value, as in `redis.url`.
    #[must_use]
    pub fn invalid(key: &str, message: impl Into<String>) -> Self {
        Self::Invalid { place: key.to_owned(), message: message.into() }
    }
}

/// Reads a YAML file into `T`. Use `#[serde(deny_unknown_fields)]` on every struct of `T`.
pub fn load<T: DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    parse(&read(path)?, &path.display().to_string())
}

/// The text of a configuration file.
pub fn read(path: &Path) -> Result<String, ConfigError> {
    let refuse = |reason: String| ConfigError::Read { path: path.display().to_string(), reason };
    let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
    if length > MAX_BYTES {
        return Err(refuse(format!("{length} bytes; at most {MAX_BYTES} are accepted")));
    }
    std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))
}

/// Reads YAML text into `T`; `origin` names the text in errors.
pub fn parse<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T, ConfigError> {
    serde_saphyr::from_str(text).map_err(|error| explain(&error, origin))
}

/// Like [`parse`], but keys that no struct of `T` reads are passed over. Gives a sentence about each of them.
pub fn parse_leniently<T: DeserializeOwned>(text: &str, origin: &str) -> Result<(T, Vec<String>), ConfigError> {
    let trail = Trail::default();
    let value = serde_saphyr::with_deserializer_from_str(text, |yaml| T::deserialize(Lenient::new(yaml, &trail)));
    let value = value.map_err(|error| explain(&error, origin))?;
    Ok((value, trail.into_passed().into_iter().map(|passed| passed_over(&passed, origin)).collect()))
}

fn passed_over(passed: &Passed, origin: &str) -> String {
    let Passed { place, key, known } = passed;
    let place = if place.is_empty() { String::new() } else { format!(" {place}:") };
    format!("{origin}:{place} unknown key `{key}` is passed over, {}", hint(key, known, "keys"))
}

fn explain(error: &serde_saphyr::Error, origin: &str) -> ConfigError {
    // The default rendering quotes the file, and with it whatever secret stands in a neighbouring line.
    let error = error.without_snippet();
    let mut place = origin.to_owned();
    if let Some(location) = error.location().filter(|location| location.line() > 0) {
        // Writing to a string cannot fail.
        let _ = write!(place, ":{}:{}", location.line(), location.column());
    }
    match error {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            ConfigError::UnknownKey { place, key: field.clone(), hint: hint(field, expected, "keys") }
        }
        serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => ConfigError::Invalid {
            place,
            message: format!("unknown value `{variant}`, {}", hint(variant, expected, "values")),
        },
        serde_saphyr::Error::SerdeMissingField { field, .. } => {
            ConfigError::Invalid { place, message: format!("the key `{field}` is missing") }
        }
        other => ConfigError::Invalid { place, message: other.to_string() },
    }
}

fn hint(typed: &str, known: &[&'static str], what: &str) -> String {
    if let Some(word) = meant(typed, known) {
        return format!("did you mean `{word}`? The {what} known here are {}", known.join(", "));
    }
    match nearest(typed, known) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => format!("no {what} are known here"),
        None => format!("the {what} known here are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::Period;
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        listen: String,
        #[serde(default)]
        limits: Limits,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default, rename_all = "camelCase")]
    struct Limits {
        mode: Option<Mode>,
        timeout: Option<Period>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        Bounded,
        Strict,
    }

    fn message(text: &str) -> String {
        parse::<Sample>(text, "relayer.yaml").unwrap_err().to_string()
    }

    #[test]
    fn reads_a_good_file() {
        let sample: Sample = parse("listen: 0.0.0.0:1\nlimits: {mode: strict, timeout: 6s}\n", "relayer.yaml").unwrap();
        assert_eq!(sample.listen, "0.0.0.0:1");
        assert_eq!(sample.limits.mode, Some(Mode::Strict));
        assert_eq!(sample.limits.timeout, Some(Period::from_secs(6)));
        assert_ne!(sample.limits.mode, Some(Mode::Bounded));
    }

    #[test]
    fn names_the_key_that_was_meant() {
        assert_eq!(message("lissten: x\n"), "relayer.yaml:1:1: unknown key `lissten`, did you mean `listen`?");
        let nested = message("listen: x\nlimits:\n  tmieout: 6s\n");
        assert!(nested.contains(":3:") && nested.contains("did you mean `timeout`?"), "{nested}");
        let far = message("listen: x\nbackend: y\n");
        assert!(far.contains("the keys known here are listen, limits"), "{far}");
    }

    #[test]
    fn says_what_is_missing_or_wrong() {
        assert!(message("limits: {}\n").contains("the key `listen` is missing"));
        assert!(message("listen: x\nlimits: {mode: strickt}\n").contains("did you mean `strict`?"));
        assert!(message("listen: x\nlimits: {timeout: 6}\n").contains("250ms"));
        assert!(message("listen: [x\n").starts_with("relayer.yaml:"));
    }

    #[test]
    fn never_quotes_the_lines_around_a_mistake() {
        let text = message("listen: redis://user:hunter2@host\nlisten: x\n");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn leniently_unknown_keys_are_passed_over_and_told() {
        let text = "lissten: [1, {a: b}]\nlisten: x\nlimits:\n  mode: strict\n  tmieout: 6s\n  timeout: 6s\n";
        let (sample, told) = parse_leniently::<Sample>(text, "relayer.yaml").unwrap();
        assert_eq!((sample.limits.mode, sample.limits.timeout), (Some(Mode::Strict), Some(Period::from_secs(6))));
        assert_eq!(
            told,
            [
                "relayer.yaml: unknown key `lissten` is passed over, did you mean `listen`?",
                "relayer.yaml: limits: unknown key `tmieout` is passed over, did you mean `timeout`?"
            ]
        );
    }

    #[test]
    fn leniently_all_else_is_as_strict_as_ever() {
        for text in ["limits: {}\n", "listen: x\nlimits: {mode: strickt}\n", "listen: [x\n", "listen: x\nlisten: y\n"] {
            let (strict, lenient) = (parse::<Sample>(text, "f"), parse_leniently::<Sample>(text, "f"));
            assert_eq!(strict.unwrap_err().to_string(), lenient.unwrap_err().to_string(), "{text}");
        }
    }

    #[test]
    fn leniently_a_good_file_is_read_the_same_and_nothing_is_told() {
        use crate::config::{ChainSection, KeysSection};
        #[derive(Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "camelCase")]
        struct Whole {
            chain: ChainSection,
            keys: KeysSection,
            by_kind: std::collections::BTreeMap<crate::relay::RpcType, Option<f64>>,
        }
        let text = "chain: {id: 1e3, nodes: [{name: 5, rpc: r, grpc: g}], queryTimeout: 3s}\n\
                    keys: {file: /f}\nbyKind: {jsonrpc: ~, grpc: 0.5}\n";
        let (lenient, told) = parse_leniently::<Whole>(text, "f").unwrap();
        assert_eq!((parse::<Whole>(text, "f").unwrap(), Vec::<String>::new()), (lenient, told));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = load::<Sample>(Path::new("/nowhere/relayer.yaml")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/relayer.yaml"), "{error}");
    }
}
