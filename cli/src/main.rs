//! One binary, one sub-command for each role.

fn main() {}
