//! The first step: the files of a folder with everything they refer to.

use std::path::Path;

use crate::manifest::{self, FolderError};
use crate::validate::{Fleet, validate};

/// Reads and validates a folder. All problems of all files are told at once.
pub fn fleet(folder: &Path) -> Result<Fleet, FolderError> {
    let manifests = manifest::read(folder)?;
    validate(&manifests).map_err(FolderError::Problems)
}
