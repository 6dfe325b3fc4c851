//! State in Redis: relay log, leases, records.
