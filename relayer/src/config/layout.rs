use std::path::Path;

use relay_core::config::{ConfigError, accept, in_file, read};

pub use relay_core::config::{Layout, UnknownKeys};

use super::Config;
use super::reference::{self, Note};

/// Keys at the top that only our layout has.
const OURS: [&str; 8] = ["chain", "listen", "admin", "logs", "limits", "recording", "drain", "validation"];

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
        let layout = Layout::of(text, &reference::OWN_KEYS, &OURS);
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
