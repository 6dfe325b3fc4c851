use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::envelope::Schemas;
use super::node::Node;
use super::object::{Header, Object, Places};
use super::schema::check;
use super::{Place, Problem, Secret};
use crate::api::{MinerPoolSpec, RelayerPoolSpec, SupplierSpec};
use crate::crds::CrdError;

const MAX_FILES: usize = 10_000;
const MAX_FILE_BYTES: u64 = 16 << 20;
/// More problems than a person reads at once are counted, not listed.
const MAX_LISTED: usize = 30;

/// Everything a folder describes, as written.
#[derive(Debug, Default)]
pub struct Manifests {
    /// Miner pools.
    pub miner_pools: Vec<Object<MinerPoolSpec>>,
    /// Relayer pools.
    pub relayer_pools: Vec<Object<RelayerPoolSpec>>,
    /// Suppliers.
    pub suppliers: Vec<Object<SupplierSpec>>,
    /// Secrets that those refer to.
    pub secrets: Vec<Object<Secret>>,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The folder or one of its files cannot be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// Folder or file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// Nothing to read.
    #[error(
        "{path} has no .yaml files: put MinerPool, RelayerPool, Supplier and Secret there (see examples/quickstart)"
    )]
    Empty {
        /// The folder.
        path: String,
    },
    /// The files say something that cannot be.
    #[error("{}", listed(.0))]
    Problems(Vec<Problem>),
    /// Our own types are broken.
    #[error(transparent)]
    Definitions(#[from] CrdError),
}

fn listed(problems: &[Problem]) -> String {
    let mut text = match problems.len() {
        1 => "the files have a problem:".to_owned(),
        count => format!("the files have {count} problems:"),
    };
    for problem in problems.iter().take(MAX_LISTED) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n  {problem}");
    }
    if let Some(more) = problems.len().checked_sub(MAX_LISTED).filter(|more| *more > 0) {
        let _ = write!(text, "\n  and {more} more");
    }
    text
}

/// Reads the `.yaml` and `.yml` files directly in `folder` (or the one file that `folder` is), in the order of their names.
pub fn read(folder: &Path) -> Result<Manifests, FolderError> {
    let files = files(folder)?;
    if files.is_empty() {
        return Err(FolderError::Empty { path: folder.display().to_string() });
    }
    let mut reader = Reader { schemas: Schemas::generate()?, manifests: Manifests::default(), problems: Vec::new() };
    for file in files {
        reader.file(&file)?;
    }
    if reader.problems.is_empty() { Ok(reader.manifests) } else { Err(FolderError::Problems(reader.problems)) }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let refuse = |reason: String| FolderError::Read { path: folder.display().to_string(), reason };
    if folder.is_file() {
        return Ok(vec![folder.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| refuse(error.to_string()))? {
        let path = entry.map_err(|error| refuse(error.to_string()))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if yaml && !hidden && path.is_file() {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(refuse(format!("it has more than {MAX_FILES} files")));
        }
    }
    files.sort();
    Ok(files)
}

struct Reader {
    schemas: Schemas,
    manifests: Manifests,
    problems: Vec<Problem>,
}

impl Reader {
    fn file(&mut self, path: &Path) -> Result<(), FolderError> {
        let file = path.display().to_string();
        let refuse = |reason: String| FolderError::Read { path: file.clone(), reason };
        let length = std::fs::metadata(path).map_err(|error| refuse(error.to_string()))?.len();
        if length > MAX_FILE_BYTES {
            return Err(refuse(format!("{length} bytes, at most {MAX_FILE_BYTES} are accepted")));
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?);
        match serde_saphyr::from_multiple::<Node>(&text) {
            Ok(documents) => documents.iter().for_each(|document| self.document(&file, document)),
            Err(error) => {
                // The default rendering quotes neighbouring lines, and a private key may stand in one of them.
                let error = error.without_snippet();
                let line = error.location().map_or(1, |location| location.line());
                self.problems.push(Problem {
                    place: Place { file, line },
                    reason: "NotYaml",
                    message: error.to_string(),
                });
            }
        }
        Ok(())
    }

    fn document(&mut self, file: &str, node: &Node) {
        let places = Places::of(file, node);
        match node.get("kind").and_then(Node::text) {
            Some("MinerPool") => {
                let object = accept(file, node, &self.schemas.miner_pool, places, &mut self.problems);
                self.manifests.miner_pools.extend(object);
            }
            Some("RelayerPool") => {
                let object = accept(file, node, &self.schemas.relayer_pool, places, &mut self.problems);
                self.manifests.relayer_pools.extend(object);
            }
            Some("Supplier") => {
                let object = accept(file, node, &self.schemas.supplier, places, &mut self.problems);
                self.manifests.suppliers.extend(object);
            }
            Some("Secret") => self.secret(file, node, places),
            other => {
                let kind = other.map_or("has no kind".to_owned(), |kind| format!("has kind {kind:?}"));
                self.problems.push(Problem {
                    place: Place { file: file.to_owned(), line: node.get("kind").unwrap_or(node).line },
                    reason: "UnknownKind",
                    message: format!(
                        "the document {kind}; this folder may hold MinerPool, RelayerPool, Supplier and Secret"
                    ),
                });
            }
        }
    }

    fn secret(&mut self, file: &str, node: &Node, places: Places) {
        if !conforms(file, node, &self.schemas.secret, &mut self.problems) {
            return;
        }
        match Secret::of(node) {
            Ok(secret) => self.manifests.secrets.push(Object::new(Header::of(node), secret, places)),
            Err(path) => {
                let message = format!("`{path}` must be the base64 of a text; write plain text under stringData");
                self.problems.push(Problem { place: places.find(&path), reason: "Invalid", message });
            }
        }
    }
}

fn conforms(file: &str, node: &Node, schema: &serde_json::Value, problems: &mut Vec<Problem>) -> bool {
    let found = check(node, schema);
    let good = found.is_empty();
    problems.extend(found.into_iter().map(|mismatch| Problem {
        place: Place { file: file.to_owned(), line: mismatch.line },
        reason: mismatch.reason,
        message: mismatch.message,
    }));
    good
}

fn accept<T: DeserializeOwned>(
    file: &str,
    node: &Node,
    schema: &serde_json::Value,
    places: Places,
    problems: &mut Vec<Problem>,
) -> Option<Object<T>> {
    if !conforms(file, node, schema, problems) {
        return None;
    }
    let spec = node.get("spec").unwrap_or(node);
    match serde_json::from_value(spec.to_json()) {
        Ok(spec) => Some(Object::new(Header::of(node), spec, places)),
        Err(error) => {
            let place = Place { file: file.to_owned(), line: spec.line };
            problems.push(Problem { place, reason: "Invalid", message: error.to_string() });
            None
        }
    }
}
