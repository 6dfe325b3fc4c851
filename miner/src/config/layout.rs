use std::path::Path;

use relay_core::config::reference::Note;
use relay_core::config::{ConfigError, Layout, UnknownKeys, accept, in_file, read};
use sha2::{Digest, Sha256};

use super::Config;
use super::reference::{self, Overrides};

/// Keys at the top that only our layout has.
const OURS: [&str; 11] = [
    "name",
    "admin",
    "chain",
    "leases",
    "leader",
    "monitors",
    "intake",
    "transactions",
    "shutdown",
    "hotReload",
    "logs",
];

/// A configuration, and what there is to say about its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// What to run with.
    pub config: Config,
    /// How the file is laid out.
    pub layout: Layout,
    /// Keys of the other layout that have no effect or another meaning.
    pub notes: Vec<Note>,
    /// A sentence about each key that was passed over.
    pub passed_over: Vec<String>,
    /// SHA-256 of the file, in hex digits.
    pub hash: String,
}

impl Loaded {
    /// Reads and checks a file of either layout.
    pub fn read(path: &Path, unknown: UnknownKeys, overrides: &Overrides) -> Result<Self, ConfigError> {
        Self::read_text(&read(path)?, &path.display().to_string(), unknown, overrides)
    }

    /// Reads and checks YAML text of either layout; `origin` names it in errors.
    pub fn read_text(
        text: &str,
        origin: &str,
        unknown: UnknownKeys,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let layout = Layout::of(text, &reference::OWN_KEYS, &OURS);
        let hash = hex::encode(Sha256::digest(text));
        let (mut config, mut notes, passed_over) = match layout {
            Layout::Own => {
                let (config, passed_over) = accept::<Config>(text, origin, unknown)?;
                (config, Vec::new(), passed_over)
            }
            Layout::Reference => {
                let (file, passed_over) = accept(text, origin, unknown)?;
                let (config, notes) = reference::convert(&file, overrides).map_err(|error| in_file(error, origin))?;
                (config, notes, passed_over)
            }
        };
        notes.extend(overrides.apply(&mut config)?);
        config.check().map_err(|error| in_file(error, origin))?;
        Ok(Self { config, layout, notes, passed_over, hash })
    }

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
