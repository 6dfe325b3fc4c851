//! Resources in YAML files.
//!
//! A file is held to the very schema that the API server would hold it to, and to nothing less: an unknown key, a missing
//! one or a value out of bounds is an error with file and line. All of them are reported at once.

mod envelope;
mod folder;
mod node;
mod object;
mod place;
mod schema;
mod secret;

pub use folder::{FolderError, Manifests, read};
pub use object::{Name, Object};
pub use place::{Place, Problem};
pub use secret::Secret;
