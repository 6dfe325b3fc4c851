use std::collections::BTreeMap;
use std::fmt;

use super::node::{Node, Value};
use super::{Place, Problem};

/// Namespace and name of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The namespace; `default` when the file names none.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Name {
    /// The object called `name` beside this one.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self { namespace: self.namespace.clone(), name: name.to_owned() }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// An object that a file describes.
#[derive(Debug, Clone)]
pub struct Object<T> {
    /// Its name.
    pub name: Name,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What it asks for.
    pub spec: T,
    places: Places,
}

impl<T> Object<T> {
    pub(super) fn new(header: Header, spec: T, places: Places) -> Self {
        Self { name: header.name, labels: header.labels, spec, places }
    }

    /// Where the object says this, or where it begins. `path` is as in `spec.redis.prefix`.
    #[must_use]
    pub fn place(&self, path: &str) -> Place {
        self.places.find(path)
    }

    /// Something wrong with what stands at `path`.
    #[must_use]
    pub fn problem(&self, path: &str, reason: &'static str, message: impl Into<String>) -> Problem {
        Problem { place: self.place(path), reason, message: message.into() }
    }
}

/// What every kind has.
pub(super) struct Header {
    pub(super) name: Name,
    pub(super) labels: BTreeMap<String, String>,
}

impl Header {
    /// Of a document that has passed its schema.
    pub(super) fn of(node: &Node) -> Self {
        let metadata = node.get("metadata");
        let text = |key: &str| metadata.and_then(|node| node.get(key)).and_then(Node::text);
        let name = Name {
            namespace: text("namespace").unwrap_or("default").to_owned(),
            name: text("name").unwrap_or_default().to_owned(),
        };
        let labels = match metadata.and_then(|node| node.get("labels")).map(|node| &node.value) {
            Some(Value::Map(entries)) => {
                entries.iter().filter_map(|(key, node)| Some((key.name.clone(), node.text()?.to_owned()))).collect()
            }
            _ => BTreeMap::new(),
        };
        Self { name, labels }
    }
}

/// The lines of a document by path.
#[derive(Debug, Clone)]
pub(super) struct Places {
    file: String,
    lines: BTreeMap<String, u64>,
}

impl Places {
    pub(super) fn of(file: &str, node: &Node) -> Self {
        let mut lines = BTreeMap::new();
        collect(node, node.line, String::new(), &mut lines);
        Self { file: file.to_owned(), lines }
    }

    pub(super) fn find(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Place { file: self.file.clone(), line: *line };
            }
            match path.rsplit_once('.') {
                Some((parent, _)) => path = parent,
                None if path.is_empty() => return Place { file: self.file.clone(), line: 1 },
                None => path = "",
            }
        }
    }
}

fn collect(node: &Node, line: u64, path: String, lines: &mut BTreeMap<String, u64>) {
    match &node.value {
        Value::Map(entries) => {
            for (key, inner) in entries {
                let below = if path.is_empty() { key.name.clone() } else { format!("{path}.{}", key.name) };
                collect(inner, key.line, below, lines);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, item.line, format!("{path}[{index}]"), lines);
            }
        }
        _ => {}
    }
    lines.insert(path, line);
}
