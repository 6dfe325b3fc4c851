//! Where supplier keys come from.
