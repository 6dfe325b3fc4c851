//! A fleet on one machine: the steps that touch files, processes and the network.
//!
//! [`dereference`] reads a folder, [`apply`] runs the processes, [`observe`] looks at them and at the chain. The steps
//! between are those of the cluster.

mod admin;
pub mod apply;
pub mod dereference;
mod event;
pub mod observe;
mod ports;
mod process;
mod run;
mod tail;
mod workspace;

pub use event::{Event, Progress};
pub use run::{Options, UpError, up};
pub use workspace::{FleetFile, ProcessRecord, Workspace, WorkspaceError};
