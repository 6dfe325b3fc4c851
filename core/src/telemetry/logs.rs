use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use super::TelemetryError;

/// What to log, and how a line looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,relayer=debug`.
    pub level: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for log collectors.
    #[default]
    Json,
    /// For people.
    Text,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::default() }
    }
}

type Swap = dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync;

/// The level of this process's log, changeable while it runs.
#[derive(Clone)]
pub struct LogLevel {
    swap: Arc<Swap>,
    current: Arc<std::sync::Mutex<String>>,
}

static INSTALLED: OnceLock<LogLevel> = OnceLock::new();

/// Sets up the log of this process, written to standard error. Only the first call can succeed.
pub fn install_logs(config: &LogConfig) -> Result<LogLevel, TelemetryError> {
    let (filter, handle) = reload::Layer::new(parse_level(&config.level)?);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines: Box<dyn Layer<_> + Send + Sync> = match config.format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).boxed(),
        LogFormat::Text => lines.compact().boxed(),
    };
    let installed = Registry::default().with(filter).with(lines).try_init();
    installed.map_err(|_| TelemetryError::AlreadyInstalled)?;
    let level = LogLevel {
        swap: Arc::new(move |filter| handle.reload(filter)),
        current: Arc::new(std::sync::Mutex::new(config.level.clone())),
    };
    // `try_init` let only us through, so the cell is empty.
    Ok(INSTALLED.get_or_init(|| level).clone())
}

impl LogConfig {
    /// Checks the level.
    pub fn check(&self) -> Result<(), TelemetryError> {
        parse_level(&self.level).map(|_| ())
    }
}

/// The level handle of this process, once [`install_logs`] has run.
#[must_use]
pub fn log_level() -> Option<&'static LogLevel> {
    INSTALLED.get()
}

impl LogLevel {
    /// The filter in force.
    #[must_use]
    pub fn get(&self) -> String {
        self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Replaces the filter from now on.
    pub fn set(&self, level: &str) -> Result<(), TelemetryError> {
        let filter = parse_level(level)?;
        (self.swap)(filter).map_err(|_| TelemetryError::Level(level.to_owned()))?;
        level.clone_into(&mut self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
        tracing::info!(level, "log level changed");
        Ok(())
    }
}

fn parse_level(level: &str) -> Result<EnvFilter, TelemetryError> {
    let trimmed = level.trim();
    // A bare word that is no level would be taken for a module name, and then nothing would be logged at all.
    let bare_word = !trimmed.contains([',', '=']);
    let known = ["off", "error", "warn", "info", "debug", "trace"].contains(&trimmed);
    if trimmed.is_empty() || (bare_word && !known) {
        return Err(TelemetryError::Level(level.to_owned()));
    }
    EnvFilter::builder().parse(trimmed).map_err(|_| TelemetryError::Level(level.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters_are_understood() {
        for level in
            ["error", "warn", "info", " debug ", "trace", "off", "info,relayer=debug", "relayer::recording=trace"]
        {
            assert!(parse_level(level).is_ok(), "{level}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for level in ["", "verbose", "inof", "relayer=loud"] {
            assert!(matches!(parse_level(level), Err(TelemetryError::Level(_))), "{level}");
        }
    }
}
