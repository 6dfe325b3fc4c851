//! Keyrings of the Cosmos SDK that are kept in files, as `pocketd keys add --keyring-backend test|file` writes them.
//!
//! `keyring-test/` or `keyring-file/` holds one `<name>.info` a key: a JSON item that was encrypted with the passphrase
//! ([`token`]), and whose data is a record of the SDK ([`record`]). `<address>.address` and `keyhash` beside them say nothing that
//! is needed here: a wrong passphrase decrypts nothing.

mod record;
#[cfg(test)]
mod tests;
mod token;

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::KeysError;
use super::reading::Reading;
use super::secret_text::SecretText;
use crate::config::{KeyringBackend, KeyringSection};
use record::Entry;
use token::TokenError;

/// Entries that are looked at; a directory with more is no keyring of suppliers.
const MAX_ENTRIES: usize = 100_000;
/// The passphrase of all keyrings of kind `test`.
const WELL_KNOWN: &str = "test";

/// Reads the wanted keys. An entry that is no good is passed over and reported, as a bad file of a directory is; that none of
/// them can be decrypted means a wrong passphrase, which refuses the whole keyring.
pub(super) fn load(keyring: &KeyringSection) -> Result<Reading, KeysError> {
    let folder = folder(keyring);
    let refuse = |reason: String| KeysError::Keyring { path: folder.clone(), reason };
    let read = |error: io::Error| KeysError::Read { path: folder.clone(), error };
    let password = password(keyring).map_err(|error| refuse(format!("its passphrase: {error}")))?;
    let mut reading = Reading::default();
    let (mut found, mut locked, mut tried) = (Vec::new(), 0usize, 0usize);
    for (file, name) in entries(&folder).map_err(read)? {
        if !keyring.names.is_empty() && !keyring.names.contains(&name) {
            continue;
        }
        tried += 1;
        let text = SecretText::read(&file).map_err(|error| KeysError::Read { path: file.clone(), error })?;
        let entry = match token::decrypt(text.as_str(), password.as_str()) {
            Ok(item) => record::read(&item),
            Err(TokenError::Locked) => {
                locked += 1;
                Err(TokenError::Locked.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        match entry {
            Ok(Entry::Key(key)) => {
                reading.files.insert(file.file_name().unwrap_or_default().to_owned(), key.address().clone());
                reading.ring.insert(*key);
            }
            // Nobody asked for it by name, and keyrings often have such entries.
            Ok(Entry::Other(_)) if keyring.names.is_empty() => {}
            Ok(Entry::Other(kind)) => {
                reading.ring.refuse(file, format!("is {kind}, which holds no key that signs here"));
            }
            Err(reason) => reading.ring.refuse(file, reason),
        }
        found.push(name);
    }
    if tried > 0 && locked == tried {
        return Err(refuse("no entry can be decrypted; is the passphrase right?".to_owned()));
    }
    for name in keyring.names.iter().filter(|name| !found.contains(name)) {
        reading.ring.refuse(folder.join(name), "there is no key of this name in the keyring".to_owned());
    }
    Ok(reading)
}

/// Adds names and contents of everything that [`load`] would read.
pub(super) fn hash(keyring: &KeyringSection, hasher: &mut Sha256) -> io::Result<()> {
    match password(keyring) {
        Ok(password) => password.hash(hasher),
        Err(error) => hasher.update(error.to_string()),
    }
    for (file, name) in entries(&folder(keyring))? {
        hasher.update(name);
        match SecretText::read(&file) {
            Ok(text) => text.hash(hasher),
            Err(error) => hasher.update(error.to_string()),
        }
    }
    Ok(())
}

fn folder(keyring: &KeyringSection) -> PathBuf {
    keyring.directory.join(match keyring.backend {
        KeyringBackend::Test => "keyring-test",
        KeyringBackend::File => "keyring-file",
    })
}

/// Never from the command line, which every user of a machine can see.
fn password(keyring: &KeyringSection) -> io::Result<SecretText> {
    match (&keyring.password_file, &keyring.password_variable) {
        (Some(file), _) => {
            let text = SecretText::read(file)?;
            Ok(SecretText::from(text.as_str().trim_end_matches(['\r', '\n']).to_owned()))
        }
        (None, Some(variable)) => match std::env::var(variable) {
            Ok(text) => Ok(SecretText::from(text)),
            Err(_) => Err(io::Error::other(format!("the environment variable {variable} is not set"))),
        },
        (None, None) => Ok(SecretText::from(WELL_KNOWN.to_owned())),
    }
}

/// The files of keys with the names of these keys, in order.
fn entries(folder: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut entries = Vec::new();
    for (count, entry) in folder.read_dir()?.enumerate() {
        if count == MAX_ENTRIES {
            return Err(io::Error::other(format!("more than {MAX_ENTRIES} entries; is this a keyring?")));
        }
        let file = entry?.path();
        let name = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".info"));
        if let Some(name) = name.map(plain) {
            entries.push((file, name));
        }
    }
    entries.sort();
    Ok(entries)
}

/// File names have `/` and `%` as `%2F` and `%25`.
fn plain(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let code = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        if let Some([byte]) = code.as_deref() {
            bytes.push(*byte);
            rest = tail.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
