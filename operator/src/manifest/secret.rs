use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::node::{Node, Value};

/// The entries of a Secret. Wiped when dropped; never printed.
#[derive(Clone, Default)]
pub struct Secret(BTreeMap<String, Zeroizing<String>>);

impl Secret {
    /// The text of an entry.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|text| text.as_str())
    }

    /// The names of the entries, for messages.
    #[must_use]
    pub fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// Of a document that has passed its schema. `stringData` wins over `data`, as it does in a cluster.
    ///
    /// Gives the path of an entry that is not base64, or whose bytes are not text.
    pub(super) fn of(node: &Node) -> Result<Self, String> {
        let mut entries = BTreeMap::new();
        for (key, encoded) in texts(node.get("data")) {
            let text = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let text = text.ok_or_else(|| format!("data.{key}"))?;
            entries.insert(key.to_owned(), Zeroizing::new(text));
        }
        for (key, text) in texts(node.get("stringData")) {
            entries.insert(key.to_owned(), Zeroizing::new(text.to_owned()));
        }
        Ok(Self(entries))
    }
}

fn texts(node: Option<&Node>) -> Vec<(&str, &str)> {
    match node.map(|node| &node.value) {
        Some(Value::Map(entries)) => {
            entries.iter().filter_map(|(key, node)| Some((key.name.as_str(), node.text()?))).collect()
        }
        _ => Vec::new(),
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret with {}", self.keys().join(", "))
    }
}
