/// Keys at the top that only such a file has. `redis`, `keys`, `services` and `simulation` are in ours as well.
pub(in crate::config) const OWN_KEYS: [&str; 14] = [
    "listen_addr",
    "pocket_node",
    "default_validation_mode",
    "default_request_timeout_seconds",
    "default_max_body_size_bytes",
    "metrics",
    "pprof",
    "health_check",
    "cache_warmup",
    "logging",
    "relay_meter",
    "http_transport",
    "timeout_profiles",
    "pool_profiles",
];

/// Advice about a key that stands in that program's examples or schema, although it never read it.
pub(in crate::config) fn documented_only(key: &str) -> Option<&'static str> {
    match key {
        "request_timeout_seconds" => {
            Some("it was documented for services but never read: name a `timeout_profile` that has it instead")
        }
        "grace_period_extra_blocks" => Some("it was documented but never read, and the chain sets the grace period"),
        "output" => Some("it was documented but never read: logs go to the standard error"),
        _ => None,
    }
}
