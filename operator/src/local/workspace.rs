use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::build::{Bundle, Role};

const FLEET_FILE: &str = "fleet.json";
const LOCK_FILE: &str = "lock";
/// A longer log is put aside when its process starts again.
const LONGEST_LOG: u64 = 64 << 20;

/// The folder with keys, configurations and logs of a running fleet. Only its owner can look into it.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    /// Held as long as the fleet runs; the system lets go of it however this process ends.
    _lock: File,
}

/// Who runs, for commands in other terminals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetFile {
    /// Process id of `up`.
    pub pid: u32,
    /// When it started, in seconds since 1970.
    pub started: u64,
    /// What it runs.
    pub processes: Vec<ProcessRecord>,
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessRecord {
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// Where it answers health, readiness and status.
    pub admin: SocketAddr,
    /// Where it answers relays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Two fleets would write over each other's files and, worse, share an identity.
    #[error("a fleet already runs from {0}; stop it first, or give this one its own --state-dir")]
    Busy(String),
    /// The system refuses.
    #[error("cannot {action} {path}: {source}")]
    File {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file about the running fleet is damaged.
    #[error("{path} is damaged ({reason}); stop the fleet and start it again")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Workspace {
    /// Makes the folder, closed to others, and takes it.
    pub fn open(folder: &Path) -> Result<Self, WorkspaceError> {
        private_folder(folder)?;
        let folder = fs::canonicalize(folder).map_err(failed("find", folder))?;
        let lock = lock_file(&folder)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => WorkspaceError::Busy(folder.display().to_string()),
            TryLockError::Error(source) => failed("lock", &folder)(source),
        })?;
        // Keys must never be committed along with the manifests beside them.
        write_private(&folder.join(".gitignore"), b"*\n")?;
        Ok(Self { folder, _lock: lock })
    }

    /// The folder, as an absolute path.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes keys and configurations and removes those of earlier runs.
    pub fn write(&self, bundle: &Bundle, started: SystemTime) -> Result<(), WorkspaceError> {
        for stale in ["keys", "config"] {
            let folder = self.folder.join(stale);
            if folder.exists() {
                fs::remove_dir_all(&folder).map_err(failed("clear", &folder))?;
            }
        }
        for folder in ["keys", "config", "logs"] {
            private_folder(&self.folder.join(folder))?;
        }
        let Bundle { keys, processes } = bundle;
        for key in keys {
            self.write_below(&key.path, key.text.as_bytes())?;
        }
        for process in processes {
            self.write_below(&process.path, process.config.as_bytes())?;
        }
        let seconds = started.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let record = FleetFile {
            pid: std::process::id(),
            started: seconds,
            processes: processes
                .iter()
                .map(|process| ProcessRecord {
                    name: process.name.clone(),
                    role: process.role,
                    admin: process.admin,
                    listen: process.listen,
                })
                .collect(),
        };
        let text = serde_json::to_vec_pretty(&record)
            .map_err(|error| WorkspaceError::Damaged { path: FLEET_FILE.to_owned(), reason: error.to_string() })?;
        write_private(&self.folder.join(FLEET_FILE), &text)
    }

    fn write_below(&self, path: &Path, content: &[u8]) -> Result<(), WorkspaceError> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            private_folder(parent)?;
        }
        write_private(&path, content)
    }

    /// Where the log of a process goes.
    #[must_use]
    pub fn log_path(&self, process: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{process}.log"))
    }

    /// The fleet that runs from `folder` right now; `None` if there is none.
    pub fn running(folder: &Path) -> Result<Option<FleetFile>, WorkspaceError> {
        let path = folder.join(FLEET_FILE);
        let Ok(text) = fs::read(&path) else { return Ok(None) };
        match lock_file(folder)?.try_lock() {
            Ok(()) => return Ok(None),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(source)) => return Err(failed("look at", folder)(source)),
        }
        serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| WorkspaceError::Damaged { path: path.display().to_string(), reason: error.to_string() })
    }
}

/// Opens the log of a process for appending; one that has grown too long is put aside first.
pub(super) fn open_log(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|about| about.len() > LONGEST_LOG) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

fn lock_file(folder: &Path) -> Result<File, WorkspaceError> {
    let path = folder.join(LOCK_FILE);
    let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    options.map_err(failed("open", &path))
}

fn private_folder(folder: &Path) -> Result<(), WorkspaceError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed("create", folder))
}

fn write_private(path: &Path, content: &[u8]) -> Result<(), WorkspaceError> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content)).map_err(failed("write", path))
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> WorkspaceError {
    let path = path.display().to_string();
    move |source| WorkspaceError::File { action, path, source }
}
