//! The operator: three kinds of resource, and what they become.
//!
//! Every change goes through the same five steps: *dereference* what an object names, *validate* the whole, *build* what
//! it should become, *apply* that, and report *status*. The steps in the middle are pure. On one machine the first step
//! reads a folder, `apply` starts child processes, and the rest is the same (`docs/resources.md`).

pub mod api;
pub mod build;
pub mod crds;
pub mod local;
pub mod manifest;
pub mod status;
pub mod validate;
