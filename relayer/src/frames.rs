//! WebSocket frames (RFC 6455), read and written here because text must stay opaque: `docs/decisions/0008-websocket.md`.

mod close;
mod frame;
mod outlet;
mod reader;
#[cfg(test)]
mod tests;

pub(crate) use close::{Close, OVER_BUDGET, REJECTED, SESSION_EXPIRED, UNREACHABLE};
pub(crate) use frame::Opcode;
#[cfg(test)]
pub(crate) use frame::Violation;
pub(crate) use outlet::Outlet;
pub(crate) use reader::{Broken, Incoming, Message, Peer, Reader};
