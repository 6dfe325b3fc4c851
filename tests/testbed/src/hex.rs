//! Bytes as lower-case hex digits, as JSON interfaces of the chain want them.

use std::fmt::Write as _;

/// Two digits a byte, no prefix.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a String does not fail
        text
    })
}
