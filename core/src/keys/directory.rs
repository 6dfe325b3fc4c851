use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::KeysError;
use super::reading::Reading;
use super::secret_text::SecretText;
use crate::address::{Address, SecretKey};

/// Entries that are looked at; a directory with more is not one of keys.
const MAX_ENTRIES: usize = 100_000;
/// Readings that are tried while the directory changes under us.
const ATTEMPTS: usize = 3;

/// A key file with an extension: the address that the key must have, and the key.
#[derive(Deserialize)]
struct Declared {
    operator_address: String,
    private_key_hex: SecretText,
}

/// Reads every file of a directory. A bad file is passed over and reported, so that one supplier cannot stop the others.
///
/// A mounted Secret is replaced by pointing its link `..data` to another directory. What that link points to is therefore
/// read, not the links beside it, so that old and new keys are not mixed; if it goes away meanwhile, reading starts again.
pub(super) fn load(path: &Path) -> Result<Reading, KeysError> {
    let mut attempt = 1;
    loop {
        match snapshot(path).and_then(|path| read_all(&path)) {
            Ok(reading) => return Ok(reading),
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(KeysError::Read { path: path.to_owned(), error }),
        }
    }
}

/// The directory whose files do not change any more, if this is a mounted Secret.
fn snapshot(path: &Path) -> io::Result<PathBuf> {
    match path.join("..data").canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path.to_owned()),
        data => data,
    }
}

fn read_all(path: &Path) -> io::Result<Reading> {
    let mut reading = Reading::default();
    for (file, form) in key_files(path)? {
        let text = match SecretText::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
            Err(error) => Err(error.to_string()),
            Ok(text) => form.parse(&text),
        };
        match text {
            Ok(key) => {
                reading.files.insert(file.file_name().unwrap_or_default().to_owned(), key.address().clone());
                reading.ring.insert(key);
            }
            Err(reason) => reading.ring.refuse(file, reason),
        }
    }
    Ok(reading)
}

/// Adds names and contents of everything that [`load`] would read.
pub(super) fn hash(path: &Path, hasher: &mut Sha256) -> io::Result<()> {
    let path = snapshot(path)?;
    for (file, _) in key_files(&path)? {
        hasher.update(file.file_name().unwrap_or_default().as_encoded_bytes());
        // A file that cannot be read is reported once, not each time that somebody looks.
        match SecretText::read(&file) {
            Ok(text) => text.hash(hasher),
            Err(error) => hasher.update(error.to_string()),
        }
    }
    Ok(())
}

/// The files that are read, in order, so that the same directory gives the same reports.
fn key_files(path: &Path) -> io::Result<Vec<(PathBuf, Form)>> {
    let mut files = Vec::new();
    for (count, entry) in path.read_dir()?.enumerate() {
        if count == MAX_ENTRIES {
            return Err(io::Error::other(format!("more than {MAX_ENTRIES} entries; is this a directory of keys?")));
        }
        let file = entry?.path();
        let Some(form) = Form::of(&file) else { continue };
        // Follows links, which is what a mounted Secret consists of.
        if !file.metadata()?.is_dir() {
            files.push((file, form));
        }
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}

/// What a file looks like, by its name.
enum Form {
    /// `*.yaml`, `*.yml` or `*.json`: [`Declared`].
    Declared,
    /// Without an extension, as the keys of a Secret have none: the hex digits alone. The name is the address, or anything.
    Bare(Option<Address>),
}

impl Form {
    /// `None` for hidden files and those with other extensions.
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name().and_then(OsStr::to_str).filter(|name| !name.starts_with('.'))?;
        match path.extension().and_then(OsStr::to_str) {
            None => Some(Self::Bare(name.parse().ok())),
            Some(extension) => {
                let known = ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known));
                known.then_some(Self::Declared)
            }
        }
    }

    fn parse(&self, text: &SecretText) -> Result<SecretKey, String> {
        match self {
            Self::Bare(address) => matching(text, address.as_ref()),
            Self::Declared => {
                let declared: Declared = text.parse("operator_address: pokt1…, private_key_hex: <64 hex digits>")?;
                let address = declared.operator_address.parse::<Address>().map_err(|error| error.to_string())?;
                matching(&declared.private_key_hex, Some(&address))
            }
        }
    }
}

/// The key, which must belong to the address if one is given: a key under a wrong address signs relays that earn nothing.
fn matching(text: &SecretText, address: Option<&Address>) -> Result<SecretKey, String> {
    let key = SecretKey::from_hex(text.as_str()).map_err(|error| error.to_string())?;
    match address {
        Some(address) if address != key.address() => {
            Err(format!("declared for {address}, but the key is that of {}; correct one of the two", key.address()))
        }
        _ => Ok(key),
    }
}
