use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use relay_core::config::{ConfigError, parse, parse_leniently, read};
use serde::de::DeserializeOwned;

use super::Config;
use super::reference::{self, Note};

/// Keys at the top that only our layout has.
const OURS: [&str; 8] = ["chain", "listen", "admin", "logs", "limits", "recording", "drain", "validation"];

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
    /// As `docs/relayer.md` describes it.
    Own,
    /// As the network's Go relay miner reads it ([`mod@reference`]).
    Reference,
}

/// A configuration, and what there is to say about its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// What to run with.
    pub config: Config,
    /// How the file is laid out.
    pub layout: Layout,
    /// Keys of the other layout that have no effect or another meaning.
    pub notes: Vec<Note>,
    /// A sentence about each key that was passed over.
    pub passed_over: Vec<String>,
}

impl Config {
    /// Reads and checks a file of either layout.
    pub fn read(path: &Path, unknown: UnknownKeys) -> Result<Loaded, ConfigError> {
        Self::read_text(&read(path)?, &path.display().to_string(), unknown)
    }

    /// Reads and checks YAML text of either layout; `origin` names it in errors.
    pub fn read_text(text: &str, origin: &str, unknown: UnknownKeys) -> Result<Loaded, ConfigError> {
        let layout = layout(text);
        let (config, notes, passed_over) = match layout {
            Layout::Own => {
                let (config, passed_over) = accept::<Self>(text, origin, unknown).map_err(foreign_key)?;
                config.check()?;
                (config, Vec::new(), passed_over)
            }
            Layout::Reference => {
                let (file, passed_over) = accept(text, origin, unknown).map_err(documented_key)?;
                let (config, notes) = reference::convert(&file).map_err(|error| in_file(error, origin))?;
                (config, notes, passed_over)
            }
        };
        Ok(Loaded { config, layout, notes, passed_over })
    }
}

impl Loaded {
    /// Writes what there is to say into the log.
    pub fn log(&self) {
        for text in &self.passed_over {
            tracing::warn!("{text}");
        }
        for note in &self.notes {
            tracing::info!("{note}");
        }
    }
}

fn accept<T: DeserializeOwned>(
    text: &str,
    origin: &str,
    unknown: UnknownKeys,
) -> Result<(T, Vec<String>), ConfigError> {
    match unknown {
        UnknownKeys::Refused => Ok((parse(text, origin)?, Vec::new())),
        UnknownKeys::PassedOver => parse_leniently(text, origin),
    }
}

/// A file is of the other layout when it has keys of that one and none of ours.
fn layout(text: &str) -> Layout {
    let keys = top_keys(text);
    let theirs = reference::OWN_KEYS.iter().any(|key| keys.contains(*key));
    let ours = OURS.iter().any(|key| keys.contains(*key));
    if theirs && !ours { Layout::Reference } else { Layout::Own }
}

/// The keys at the top; of a text that is not quite YAML, what begins a line like one.
fn top_keys(text: &str) -> BTreeSet<String> {
    match parse::<BTreeMap<String, serde_json::Value>>(text, "") {
        Ok(keys) => keys.into_keys().collect(),
        Err(_) => text.lines().filter_map(|line| line.split_once(':')).map(|(key, _)| key.to_owned()).collect(),
    }
}

fn foreign_key(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::UnknownKey { place, key, .. } if reference::OWN_KEYS.contains(&key.as_str()) => {
            let hint = "which belongs to the layout of the Go relay miner; one file has one layout".to_owned();
            ConfigError::UnknownKey { place, key, hint }
        }
        other => other,
    }
}

fn documented_key(error: ConfigError) -> ConfigError {
    match error {
        ConfigError::UnknownKey { place, key, hint } => {
            let hint = reference::documented_only(&key).map_or(hint, str::to_owned);
            ConfigError::UnknownKey { place, key, hint }
        }
        other => other,
    }
}

fn in_file(error: ConfigError, origin: &str) -> ConfigError {
    match error {
        ConfigError::Invalid { place, message } => {
            ConfigError::Invalid { place: format!("{origin}: {place}"), message }
        }
        other => other,
    }
}
