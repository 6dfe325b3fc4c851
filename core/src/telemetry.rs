//! Logs, metrics and the health server.
