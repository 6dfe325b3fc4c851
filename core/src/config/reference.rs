//! What configuration files of relayers and miners have in common that were written for the network's Go relay miner.

mod keys;
mod nodes;
mod note;

pub use keys::{Keyring, Keys};
pub use nodes::{PocketNode, node};
pub use note::{Note, Notes, Weight};

use super::ConfigError;

/// An address to listen on. Go takes `:8080` for all addresses, and host names.
pub fn address(key: &str, text: &str) -> Result<String, ConfigError> {
    let full = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None if text.starts_with(':') => format!("0.0.0.0{text}"),
        None => text.to_owned(),
    };
    match full.parse::<std::net::SocketAddr>() {
        Ok(_) => Ok(full),
        Err(_) => Err(ConfigError::invalid(key, format!("`{text}` is not an address such as 0.0.0.0:8080"))),
    }
}
