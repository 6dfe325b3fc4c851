//! Strict YAML configuration.
