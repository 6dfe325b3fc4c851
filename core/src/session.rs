//! Sessions: the anchored grid of block heights, ids, windows, parameter history, supplier selection.
//!
//! A session is one application using one service for a fixed number of blocks, with the suppliers drawn for it. All of
//! this module is arithmetic on values that somebody else fetched; the formulas are in `docs/protocol/sessions.md`.

mod grid;
mod header;
mod history;
mod id;
mod params;
mod selection;
#[cfg(test)]
mod vectors;
mod windows;

pub use grid::Grid;
pub use header::{HeaderError, HeaderMismatch, SessionHeader, check_service_id};
pub use history::ParamsHistory;
pub use id::{preimage, session_id};
pub use params::{ParamsError, pending_sessions, validate};
pub use selection::{Candidate, select_suppliers, weight};
pub use windows::Windows;
